using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Halo.LinkProtocol;
using Halo.Testing;

namespace Halo.Line.Tests;

/// <summary>Both ends of one real WebSocket over a real loopback connection, each with a clock of its own.</summary>
sealed class SocketPair : IAsyncDisposable
{
    readonly TcpClient _client;
    readonly TcpClient _server;
    readonly CoalescingStream _apiOutput;

    SocketPair(TcpClient client, TcpClient server, LineTimes? times)
    {
        _client = client;
        _server = server;
        LinkStream = new(client.GetStream());
        ApiStream = new(server.GetStream());
        var (link, api) = (new CoalescingStream(LinkStream, LinkTime), new CoalescingStream(ApiStream, ApiTime));
        RawLink = Over(link, isServer: false);
        Link = new(RawLink, link, LinkTime, times);
        _apiOutput = api;
        RawApi = Over(api, isServer: true);
        Api = new(RawApi, api, ApiTime);
    }

    public ManualTime LinkTime { get; } = new();

    public ManualTime ApiTime { get; } = new();

    public WatchedStream LinkStream { get; }

    public WatchedStream ApiStream { get; }

    /// <summary>The Link's end has read all that the API's end has written, and asks for more.</summary>
    /// <remarks>In this order: whoever waited before the last bytes were read has not dealt with them.</remarks>
    public bool LinkHasReadAll => LinkStream.BytesRead == ApiStream.BytesWritten && LinkStream.Waiting;

    public WebSocket RawLink { get; }

    public WebSocket RawApi { get; }

    public LineConnection Link { get; }

    public LineConnection Api { get; }

    public static async Task<SocketPair> OpenAsync(LineTimes? times = null)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new TcpClient { NoDelay = true };
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port);
        var server = await accepting;
        server.NoDelay = true;
        return new(client, server, times);
    }

    /// <summary>Sends a message past the API's line, and returns when the connection has it.</summary>
    public async Task SendRawAsync(byte[] message, bool endOfMessage = true)
    {
        await RawApi.SendAsync(message.AsMemory(), WebSocketMessageType.Binary, endOfMessage, CancellationToken.None);
        await _apiOutput.WrittenAsync();
    }

    /// <summary>The cable is cut: no close frame, no more bytes.</summary>
    public void CutServer() => _server.Client.Close(0);

    public async ValueTask DisposeAsync()
    {
        await Link.DisposeAsync();
        await Api.DisposeAsync();
        _client.Dispose();
        _server.Dispose();
    }

    static WebSocket Over(Stream stream, bool isServer) =>
        WebSocket.CreateFromStream(stream, new WebSocketCreationOptions
        {
            IsServer = isServer,
            SubProtocol = ProtocolLimits.Subprotocol,
            KeepAliveInterval = Timeout.InfiniteTimeSpan,
        });
}
