using System.Collections.Frozen;
using System.Data.Common;
using System.Net.WebSockets;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sessions;

/// <summary>A session from its opening to its end: Hello, Welcome, then frames in both directions.</summary>
sealed partial class LinkSocket(
    LinkTokens tokens, LinkDirectory links, LinkSessions sessions, SiteDirectory sites, SiteRegistry registry, SiteStandings standings, LinkFrames frames, OutcomeRecorder outcomes,
    SessionSettling settling, AvailabilityHistory history, Uninstalling uninstalling, QueryCancelling cancelling, RemoteConfigurations configurations,
    ApiOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<LinkSocket> log)
{
    static readonly Refusal TooManyConnections = new(503, ErrorCodes.ServiceUnavailable, "As many Links are connected as this service takes (Halo:Limits:LinkConnections). Try again later.")
    {
        RetryAfter = TimeSpan.FromSeconds(60),
    };

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
        WebSocket accepted;
        try
        {
            accepted = await http.WebSockets.AcceptWebSocketAsync(ProtocolLimits.Subprotocol);
        }
        catch (InvalidOperationException) when (!http.Response.HasStarted)
        {
            // The server counts them (Halo:Limits:LinkConnections).
            http.Response.Clear();
            await TooManyConnections.ExecuteAsync(http);
            return;
        }
        using var socket = accepted;
        // Until the end of its session is written.
        using var serving = sessions.Serve();
        // The request lasts as long as the line; its headers have been read, and take a kilobyte. Cleared as a whole they would be kept, to be used again.
        foreach (var header in http.Request.Headers.Keys.ToList())
            http.Request.Headers.Remove(header);
        await using var line = new LineConnection(socket, CoalescingUpgrade.OutputOf(http), time, options.Links.Line);
        await using var visit = new LinkVisit(access.LinkId, access.Until, line, time, lifetime.ApplicationStopping)
        {
            Address = http.Connection.RemoteIpAddress?.ToString(),
        };
        try
        {
            await line.ReceiveAsync(
                frame => OnFrameAsync(visit, frame), FrameBounds.FromLink, frame => OnUnreadableAsync(visit, frame, $"it is over {FrameBounds.FromLink(frame.Kind)} bytes"));
        }
        finally
        {
            await EndAsync(visit);
        }
        // What the Link told and was not acknowledged it tells again; nothing of a session outlives its request, and so the store.
        if (visit.Session is { } session)
            await session.Work.EndAsync();
    }

    async ValueTask OnFrameAsync(LinkVisit visit, Frame frame)
    {
        try
        {
            if (frame.Kind == FrameKind.Hello)
                await OnHelloAsync(visit, frame.Read(ProtocolJson.Default.Hello));
            else if (visit.Session is not { } session)
                await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
            else
                await OnFrameAsync(visit, session, frame);
        }
        catch (JsonException e)
        {
            await OnUnreadableAsync(visit, frame, $"it cannot be read at {TextBound.Cut(e.Path ?? "its start", 100)}{(e is OverBoundException ? ", " + e.Message : "")}");
        }
        catch (OperationCanceledException) when (visit.Line.Dead.IsCancellationRequested)
        {
            // The line ended while its session waited for room.
        }
        catch (Exception e) when (StorageException.Means(e) || IsTheStores(e))
        {
            // The Link comes again and tells all of it again.
            LogNotRecorded(visit.LinkId, frame.Kind, e.GetType().Name);
            await visit.Line.CloseAsync(LineCloseReason.LedgerFailed);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It can be read and has something that no Link says: no part where one must be, text that the store has no place for. Its own words stay out of the log.
            LogUnfit(visit.LinkId, frame.Kind, e.GetType().FullName, e.StackTrace);
            await OnUnreadableAsync(visit, frame, "it met a fault");
        }
    }

    async ValueTask OnFrameAsync(LinkVisit visit, LinkSession session, Frame frame)
    {
        await session.Intake.PaceAsync(frame.Kind, visit.Line.Dead);
        switch (frame.Kind)
        {
            case FrameKind.Renew:
                await OnRenewAsync(visit, frame.Read(ProtocolJson.Default.Renew));
                break;
            case FrameKind.Farewell:
                session.Farewell = frame.Read(ProtocolJson.Default.Farewell);
                break;
            case FrameKind.Heartbeat:
                OnHeartbeat(session, frame.Read(ProtocolJson.Default.Heartbeat));
                break;
            case FrameKind.SiteChanges:
                await OnSiteChangesAsync(visit, session, frame.Read(ProtocolJson.Default.SiteChanges));
                break;
            default:
                frames.Handle(session, frame);
                await session.Intake.RoomAsync(visit.Line.Dead);
                break;
        }
    }

    /// <summary>Without a Hello there is no session. In one, such a message is settled or ignored: it would come again in the next.</summary>
    async ValueTask OnUnreadableAsync(LinkVisit visit, Frame frame, string why)
    {
        if (frame.Kind == FrameKind.Hello || visit.Session is not { } session)
        {
            LogProtocolError(visit.LinkId, frame.Kind, why);
            await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
            return;
        }
        frames.HandleUnreadable(session, frame, why);
        await session.Intake.RoomAsync(visit.Line.Dead);
    }

    /// <summary>A fault of the store, or of this service's end, and not of what the Link said.</summary>
    static bool IsTheStores(Exception e) => e is ObjectDisposedException || e is DbException && !StorageException.RefusesContent(e);

    async Task OnHelloAsync(LinkVisit visit, Hello hello)
    {
        if (!visit.Greet(hello))
        {
            await visit.Line.CloseAsync(LineCloseReason.ProtocolError);
            return;
        }
        if (!await sessions.LetEarlierRunFirstAsync(visit.LinkId, hello.RunId, hello.RunsBefore, visit.Line.Dead))
        {
            LogPlaceKept(visit.LinkId, hello.RunId, visit.Address);
            await visit.Line.CloseAsync(LineCloseReason.PlaceKept);
            return;
        }
        // One at a time for each Link: between the look for an older session and the opening of this one nobody else comes in.
        using var turn = await sessions.TakeTurnAsync(visit.LinkId);
        if (visit.Line.Dead.IsCancellationRequested)
            return;
        if (!await sessions.MakeRoomAsync(visit.LinkId, hello.RunId))
        {
            RefuseSecond(visit, hello);
            await visit.Line.CloseAsync(LineCloseReason.AlreadyConnected);
            return;
        }
        await registry.DescribeAsync(visit.LinkId, hello.MachineId, hello.Sites);
        var own = hello.Sites.Select(s => sites.Find(s.Id)).OfType<SiteRecord>().Where(s => s.LinkId == visit.LinkId).ToList();
        registry.Heard(own.Select(s => s.Id), hello.ClockUtc, [.. hello.Sites.Where(s => s.Database is not null).Select(s => new SiteDatabase(s.Id, s.Database!))]);
        var session = new LinkSession(Guid.CreateVersion7(time.GetUtcNow()), visit.LinkId, hello.RunId, visit.Line, [.. own.Select(s => s.Id)])
        {
            Immediates = hello.Immediates.ToFrozenSet(),
            OpenedAt = time.GetUtcNow(),
            Intake = new(time),
        };
        var verdicts = await settling.SettleAsync(session, hello);
        var configuration = configurations.For(visit.LinkId);
        await visit.Line.SendAsync(FrameKind.Welcome, Guid.Empty,
            new Welcome(session.Id, ProductVersion.Text, options.HeartbeatSeconds, verdicts, [.. own.Select(standings.Notice)])
            {
                Capabilities = [Welcome.TakesSiteChanges],
                Configuration = configuration,
            }, ProtocolJson.Default.Welcome);
        visit.Open(session);
        links.Heard(visit.LinkId, hello.LinkVersion);
        if (links.Find(visit.LinkId)?.AlsoSeen?.RunId == hello.RunId)
            links.SeenAlso(visit.LinkId, null);
        sessions.Open(session);
        history.Note(session.SiteIds, SiteContact.Online);
        Telemetry.SessionOpened();
        // Its right may have been taken away since the token was looked at; whoever takes it from here on finds the session.
        if (links.Find(visit.LinkId) is not { Status: LinkStatus.Enrolled })
        {
            await visit.Line.CloseAsync(LineCloseReason.Revoked);
            return;
        }
        // Only now: what is asked for from here on finds the session, and what was changed since the Welcome was written did not.
        if (configurations.For(visit.LinkId) is { } latest && latest.Version != configuration.Version)
            session.Tell(latest);
        cancelling.Repeat(session);
        LogOpened(visit.LinkId, hello.LinkVersion, standings.Explain(own));
        // A site that the Link cannot describe yet is configured all the same; only what it has no more is gone.
        if (hello.ConfiguredSites is { } configured)
            await uninstalling.SitesAsync(visit.LinkId, [.. configured, .. session.SiteIds]);
    }

    void RefuseSecond(LinkVisit visit, Hello hello)
    {
        var now = time.GetUtcNow();
        var known = links.Find(visit.LinkId)?.AlsoSeen is { } seen && seen.RunId == hello.RunId ? seen : null;
        links.SeenAlso(visit.LinkId, new(hello.RunId, known?.FirstAt ?? now, now) { Address = visit.Address, MachineId = hello.MachineId });
        // It tries again and again: said once.
        if (known is null)
            LogAlreadyConnected(visit.LinkId, hello.RunId, visit.Address);
    }

    /// <summary>The Link's settings changed: its sites are judged as by a Hello, in the open session.</summary>
    async Task OnSiteChangesAsync(LinkVisit visit, LinkSession session, SiteChanges changes)
    {
        var described = changes.Sites ?? [];
        await registry.DescribeAsync(session.LinkId, visit.MachineId, described);
        var own = described.Select(s => sites.Find(s.Id)).OfType<SiteRecord>().Where(s => s.LinkId == session.LinkId).ToList();
        var before = session.SiteIds;
        session.SiteIds = [.. own.Select(s => s.Id)];
        history.Note(session.SiteIds.Except(before), SiteContact.Online);
        if (changes.ConfiguredSites is { } configured)
            await uninstalling.SitesAsync(session.LinkId, [.. configured, .. session.SiteIds]);
        // Waited for: a Link that asks and asks and reads no answer must not fill the memory with them.
        await session.TellAsync(new SiteNotices([.. own.Select(standings.Notice)]) { Answers = changes.Id });
        await session.TellAsync(configurations.For(session.LinkId));
        // What waits for a site that has come may be claimed now.
        session.WorkAvailable();
        LogSiteChanges(session.LinkId, standings.Explain(own));
    }

    async Task OnRenewAsync(LinkVisit visit, Renew renew)
    {
        if (await tokens.CheckAsync("Bearer " + renew.AccessToken) is { } access && access.LinkId == visit.LinkId)
            visit.Renew(access.Until);
    }

    void OnHeartbeat(LinkSession session, Heartbeat heartbeat)
    {
        links.Heard(session.LinkId, heartbeat.LinkVersion, heartbeat: heartbeat);
        registry.Heard(session.SiteIds, heartbeat.ClockUtc, heartbeat.Databases);
    }

    async Task EndAsync(LinkVisit visit)
    {
        if (visit.Session is not { } session)
            return;
        // What a Link says of its own end counts, also where this service was closing the line at the same moment.
        var inOrder = visit.Line.OtherCloseReason is LineCloseReason.LinkStopping or LineCloseReason.LinkUninstalled;
        var reason = inOrder ? visit.Line.OtherCloseReason : visit.Line.CloseReason;
        Telemetry.SessionClosed(reason);
        LogClosed(session.LinkId, reason ?? "the line broke");
        // One that was revoked does not come back by itself either: nobody waits for it, nor for what it might have told.
        var gone = inOrder || reason == LineCloseReason.Revoked;
        if (gone)
            await outcomes.JudgeByFarewellAsync(session);
        if (!sessions.Close(session, gone))
            return;
        links.Heard(session.LinkId, closedInOrder: gone);
        history.Note(session.SiteIds, gone ? SiteContact.Offline : SiteContact.Lost);
        if (reason == LineCloseReason.LinkUninstalled)
            await uninstalling.LinkAsync(session.LinkId);
    }

    [LoggerMessage(1110, LogLevel.Information, "Link {LinkId} is connected, version {Version}. {Sites}")]
    partial void LogOpened(Guid linkId, string version, string sites);

    [LoggerMessage(1111, LogLevel.Information, "Link {LinkId} is disconnected: {Reason}")]
    partial void LogClosed(Guid linkId, string reason);

    [LoggerMessage(1112, LogLevel.Warning, "Link {LinkId}: a second run ({RunId}, from {Address}) was refused while the first answers. Was its server cloned or restored? Stop one of them.")]
    partial void LogAlreadyConnected(Guid linkId, Guid runId, string? address);

    [LoggerMessage(1115, LogLevel.Information,
        "Link {LinkId}: run {RunId}, from {Address}, waits: after the restart of this service the place is kept for the run that was connected before")]
    partial void LogPlaceKept(Guid linkId, Guid runId, string? address);

    [LoggerMessage(1114, LogLevel.Information, "The settings of Link {LinkId} changed. {Sites}")]
    partial void LogSiteChanges(Guid linkId, string sites);

    [LoggerMessage(1116, LogLevel.Warning, "The {Kind} of Link {LinkId} could not be recorded ({Exception}); its line is dropped, and it comes again")]
    partial void LogNotRecorded(Guid linkId, FrameKind kind, string exception);

    [LoggerMessage(1117, LogLevel.Error, "Link {LinkId} sent a {Kind} that met a fault ({Exception})\n{Stack}")]
    partial void LogUnfit(Guid linkId, FrameKind kind, string? exception, string? stack);

    [LoggerMessage(1118, LogLevel.Warning, "Link {LinkId} sent a {Kind} in place of a Hello, or a Hello that has no use: {Why}. Its connection was closed.")]
    partial void LogProtocolError(Guid linkId, FrameKind kind, string why);
}
