using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Queries;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>A session from its opening to its end: Hello, Welcome, then frames in both directions.</summary>
public sealed partial class LinkSocket(
    LinkTokens tokens, LinkDirectory links, LinkSessions sessions, SiteDirectory sites, SiteRegistry registry, LinkFrames frames,
    SessionSettling settling, QueryCancelling cancelling, ApiOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<LinkSocket> log)
{
    static readonly TimeSpan HelloWithin = TimeSpan.FromSeconds(10);

    /// <summary>Serves <c>GET /link/v1/socket</c> until the session ends.</summary>
    public async Task ServeAsync(HttpContext http)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
        {
            await new Refusal(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.")
                .ExecuteAsync(http);
            return;
        }
        if (!http.WebSockets.IsWebSocketRequest || !http.WebSockets.WebSocketRequestedProtocols.Contains(ProtocolLimits.Subprotocol))
        {
            await Refusal.Invalid("Sec-WebSocket-Protocol", $"must be a WebSocket with the subprotocol {ProtocolLimits.Subprotocol}.").ExecuteAsync(http);
            return;
        }
        using var socket = await http.WebSockets.AcceptWebSocketAsync(ProtocolLimits.Subprotocol);
        await using var line = new LineConnection(socket, time);
        var visit = new Visit(access.Link, access.Until, line);
        await using var expiry = time.CreateTimer(_ => _ = line.CloseAsync(LineCloseReason.TokenExpired), null, visit.Until - time.GetUtcNow(), Timeout.InfiniteTimeSpan);
        visit.Expiry = expiry;
        // A connection without a session has nothing to wait for; sessions are closed by Shutdown.
        await using var stopping = lifetime.ApplicationStopping.Register(() => DropWithoutSession(visit));
        // Until Hello the line is given little time: an idle stranger is not kept. Handling it may take longer: an older run is asked for a sign of life.
        await using var silent = time.CreateTimer(_ => DropWithoutHello(visit), null, HelloWithin, Timeout.InfiniteTimeSpan);
        await line.ReceiveAsync(frame => OnFrameAsync(visit, frame), CancellationToken.None);
        await EndAsync(visit);
    }

    async ValueTask OnFrameAsync(Visit visit, Frame frame)
    {
        try
        {
            if (frame.Kind == FrameKind.Hello)
                await OnHelloAsync(visit, JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Hello)!);
            else if (visit.Session is not { } session)
                await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
            else if (frame.Kind == FrameKind.Renew)
                await OnRenewAsync(visit, JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Renew)!);
            else if (frame.Kind == FrameKind.Heartbeat)
                OnHeartbeat(session, JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Heartbeat)!);
            else
                frames.Handle(session, frame);
        }
        catch (JsonException e)
        {
            LogProtocolError(visit.Link.Id, frame.Kind, e.Path);
            await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
        }
    }

    async Task OnHelloAsync(Visit visit, Hello hello)
    {
        if (visit.Greeted)
        {
            await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
            return;
        }
        visit.Greeted = true;
        // One at a time for each Link: between the look for an older session and the opening of this one nobody else comes in.
        using var turn = await sessions.TakeTurnAsync(visit.Link.Id);
        if (visit.Line.Dead.IsCancellationRequested)
            return;
        if (!await sessions.MakeRoomAsync(visit.Link.Id, hello.RunId))
        {
            LogAlreadyConnected(visit.Link.Id, hello.RunId);
            await visit.Line.CloseAsync(LineCloseReason.AlreadyConnected);
            return;
        }
        await registry.DescribeAsync(visit.Link.Id, hello);
        var own = hello.Sites.Select(s => sites.Find(s.Id)).OfType<SiteRecord>().Where(s => s.LinkId == visit.Link.Id).ToList();
        registry.Heard(own.Select(s => s.Id), hello.ClockUtc, [.. hello.Sites.Where(s => s.Database is not null).Select(s => new SiteDatabase(s.Id, s.Database!))]);
        var session = new LinkSession(Guid.CreateVersion7(time.GetUtcNow()), visit.Link.Id, hello.RunId, visit.Line, [.. own.Select(s => s.Id)])
        {
            Immediates = hello.Immediates.ToHashSet(),
        };
        var verdicts = await settling.SettleAsync(session, hello);
        await visit.Line.SendAsync(FrameKind.Welcome, Guid.Empty,
            new Welcome(session.Id, ProductVersion.Text, options.HeartbeatSeconds, verdicts, [.. own.Select(Enrolment.Notice)]), ProtocolJson.Default.Welcome);
        visit.Session = session;
        links.Heard(visit.Link.Id, hello.LinkVersion);
        sessions.Open(session);
        Telemetry.SessionOpened();
        // Only now: what is asked for from here on finds the session.
        cancelling.Repeat(session);
        LogOpened(visit.Link.Id, hello.LinkVersion, string.Join("; ", own.Select(s => $"{s.Id}: {SiteView.Explain(s)}")));
    }

    async Task OnRenewAsync(Visit visit, Renew renew)
    {
        if (await tokens.CheckAsync("Bearer " + renew.AccessToken) is not { } access || access.Link.Id != visit.Link.Id)
            return;
        visit.Until = access.Until;
        visit.Expiry?.Change(access.Until - time.GetUtcNow(), Timeout.InfiniteTimeSpan);
    }

    void OnHeartbeat(LinkSession session, Heartbeat heartbeat)
    {
        links.Heard(session.LinkId, heartbeat.LinkVersion);
        registry.Heard(session.SiteIds, heartbeat.ClockUtc, heartbeat.Databases);
    }

    Task EndAsync(Visit visit)
    {
        if (visit.Session is not { } session)
            return Task.CompletedTask;
        var inOrder = visit.Line is { ClosedInOrder: true, CloseReason: LineCloseReason.LinkStopping or LineCloseReason.LinkUninstalled };
        if (sessions.Close(session))
            links.Heard(session.LinkId, closedInOrder: inOrder);
        Telemetry.SessionClosed(visit.Line.CloseReason);
        LogClosed(session.LinkId, visit.Line.CloseReason ?? "the line broke");
        return Task.CompletedTask;
    }

    static void DropWithoutHello(Visit visit)
    {
        if (!visit.Greeted)
            visit.Line.Abort(LineCloseReason.ProtocolError);
    }

    static void DropWithoutSession(Visit visit)
    {
        if (visit.Session is null)
            visit.Line.Abort(LineCloseReason.ProtocolError);
    }

    /// <summary>One connection, before and after it became a session.</summary>
    sealed class Visit(LinkRecord link, DateTimeOffset until, LineConnection line)
    {
        public LinkRecord Link { get; } = link;
        public LineConnection Line { get; } = line;
        public DateTimeOffset Until { get; set; } = until;
        public ITimer? Expiry { get; set; }
        public LinkSession? Session { get; set; }

        /// <summary>Its Hello has arrived.</summary>
        public bool Greeted { get; set; }
    }

    [LoggerMessage(1110, LogLevel.Information, "Link {LinkId} is connected, version {Version}. {Sites}")]
    partial void LogOpened(Guid linkId, string version, string sites);

    [LoggerMessage(1111, LogLevel.Information, "Link {LinkId} is disconnected: {Reason}")]
    partial void LogClosed(Guid linkId, string reason);

    [LoggerMessage(1112, LogLevel.Warning, "Link {LinkId}: a second run ({RunId}) was refused while the first answers. Was its server cloned or restored? Stop one of them.")]
    partial void LogAlreadyConnected(Guid linkId, Guid runId);

    [LoggerMessage(1113, LogLevel.Warning, "Link {LinkId} sent a {Kind} that cannot be read, at {Path}; its session was closed")]
    partial void LogProtocolError(Guid linkId, FrameKind kind, string? path);
}
