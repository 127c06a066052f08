using System.Buffers.Text;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api;

/// <summary>The Link of <see cref="WarmUp"/>: one site, no database, the same row for every immediate query.</summary>
sealed class WarmUpLink : IAsyncDisposable
{
    // A store of its own knows no others.
    readonly Guid _linkId = Guid.CreateVersion7(TimeProvider.System.GetUtcNow());
    readonly SocketsHttpHandler _connections = new() { UseProxy = false };
    readonly ClientWebSocket _socket = new();
    readonly TaskCompletionSource _welcomed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly byte[] _answer = Answer();
    LineConnection? _line;
    Task _receiving = Task.CompletedTask;

    public Guid SiteId => _linkId;

    SiteDescription Site => new(SiteId, "sqlite", "warm-up", "1", [new SiteCatalogue("main", true)]) { Database = new(DatabaseStatus.Healthy) };

    /// <summary>Enrols one and opens its session.</summary>
    public static async Task<WarmUpLink> ConnectAsync(IServiceProvider services, Uri address, CancellationToken stop)
    {
        var link = new WarmUpLink();
        await link.EnrolAsync(services);
        await link.OpenAsync(services, address, stop);
        return link;
    }

    public async ValueTask DisposeAsync()
    {
        if (_line is { } line)
        {
            await line.CloseAsync(LineCloseReason.LinkStopping);
            await _receiving;
            await line.DisposeAsync();
        }
        _socket.Dispose();
        _connections.Dispose();
    }

    async Task EnrolAsync(IServiceProvider services)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = key.ExportParameters(false).Q;
        var request = new EnrolRequest(_linkId, new(Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y)), ProductVersion.Text, [Site])
        {
            Host = new("", "", 1),
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(request, ProtocolJson.Default.EnrolRequest);
        var nonce = services.GetRequiredService<Nonces>().Create();
        var proof = key.SignData(LinkHttp.ProofBytes(nonce, body), HashAlgorithmName.SHA256);
        var (_, refusal) = await services.GetRequiredService<Enrolment>().EnrolAsync(nonce, Base64Url.EncodeToString(proof), body, [], null);
        if (refusal is not null)
            throw new InvalidOperationException("The Link was not enrolled.");
    }

    async Task OpenAsync(IServiceProvider services, Uri address, CancellationToken stop)
    {
        _socket.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
        _socket.Options.SetRequestHeader("Authorization", "Bearer " + services.GetRequiredService<LinkTokens>().Create(_linkId));
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        var socketAddress = new UriBuilder(address) { Scheme = "ws", Path = LinkHttp.SocketPath }.Uri;
        var output = await CoalescingUpgradeHandler.ConnectAsync(_socket, socketAddress, _connections, TimeProvider.System, stop);
        _line = new LineConnection(_socket, output, TimeProvider.System);
        _receiving = _line.ReceiveAsync(OnFrameAsync);
        await _line.SendAsync(FrameKind.Hello, Guid.Empty, new Hello(_linkId, ProductVersion.Text, TimeProvider.System.GetUtcNow(), [Site]), ProtocolJson.Default.Hello, stop);
        await _welcomed.Task.WaitAsync(stop);
    }

    /// <summary>As a Link does that has free slots, at the beginning of each session.</summary>
    public async Task AskForWorkAsync(CancellationToken stop) =>
        await _line!.SendAsync(FrameKind.ClaimRequest, Guid.Empty, new ClaimRequest(1), ProtocolJson.Default.ClaimRequest, stop);

    async ValueTask OnFrameAsync(Frame frame)
    {
        if (frame.Kind == FrameKind.Welcome)
            _welcomed.TrySetResult();
        else if (frame.Kind == FrameKind.Execute)
            await _line!.SendAsync(FrameKind.Answer, frame.QueryId, _answer);
    }

    static byte[] Answer()
    {
        var rows = """[{"n":1}]"""u8;
        var outcome = new Outcome(Ending.Successful, Executed.Yes) { Rows = 1, Size = rows.Length, ResultSets = 1, Columns = [new("n", SqlType.Int, "int")], Timings = new(0.1, 0.1, 0.1) };
        var head = JsonSerializer.SerializeToUtf8Bytes(outcome, ProtocolJson.Default.Outcome);
        var payload = new byte[AnswerPayload.LengthBytes + head.Length + rows.Length];
        rows.CopyTo(payload.AsSpan(AnswerPayload.WriteHead(payload, head)));
        return payload;
    }
}
