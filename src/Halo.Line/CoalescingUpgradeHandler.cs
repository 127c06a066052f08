using System.Net;
using System.Net.WebSockets;

namespace Halo.Line;

/// <summary>Lays a <see cref="CoalescingStream"/> over the connection that an upgrade gives, for the WebSocket that is made of it. For one connection.</summary>
public sealed class CoalescingUpgradeHandler : HttpMessageHandler
{
    readonly HttpMessageInvoker _inner;
    readonly TimeProvider _time;
    CoalescingStream? _output;

    CoalescingUpgradeHandler(HttpMessageHandler inner, TimeProvider time)
    {
        _inner = new(inner, disposeHandler: false);
        _time = time;
    }

    /// <summary>Connects a WebSocket.</summary>
    /// <returns>What it writes to.</returns>
    public static async Task<CoalescingStream> ConnectAsync(ClientWebSocket socket, Uri address, HttpMessageHandler connections, TimeProvider time, CancellationToken stop)
    {
        using var upgrade = new CoalescingUpgradeHandler(connections, time);
        using var invoker = new HttpMessageInvoker(upgrade, disposeHandler: false);
        await socket.ConnectAsync(address, invoker, stop);
        return upgrade._output!;
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await _inner.SendAsync(request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
            response.Content = new UpgradedContent(_output = new(await response.Content.ReadAsStreamAsync(cancellationToken), _time));
        return response;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>A connection as an answer's content: it is read as a stream alone.</summary>
    sealed class UpgradedContent(CoalescingStream connection) : HttpContent
    {
        protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => connection;

        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult<Stream>(connection);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => throw new NotSupportedException();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        /// <summary>An upgrade that the WebSocket refuses, or that comes too late, is closed with its answer.</summary>
        protected override void Dispose(bool disposing)
        {
            if (disposing)
                connection.Dispose();
            base.Dispose(disposing);
        }
    }
}
