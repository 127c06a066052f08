using System.Collections.Frozen;
using Halo.Api.Basics;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Surveys;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.LinkSocket;

/// <summary>
/// How a session begins and ends. By a Hello: (1) one run of a Link at a time, (2) its sites, (3) what becomes of the queries that it had, (4) Welcome,
/// (5) open to queries. By the end of its connection: what the Link has not told is settled, its sites are away.
/// </summary>
sealed partial class SessionLifecycle(
    LinkDirectory links, LinkSessions sessions, SiteReports reports, SiteRegistry registry, SiteNoticeBuilder siteNotices, SessionSettling settling, OutcomeRecorder outcomes,
    AvailabilityHistory history, SiteUninstaller uninstaller, QueryCancelling cancelling, SurveyRunner surveys, RemoteConfigurations configurations, LinkRollouts rollouts, LinkUpdates updates, ApiOptions options, TimeProvider time,
    ILogger<SessionLifecycle> log)
{
    /// <summary>Opens a session by a Hello, or closes the connection and says why.</summary>
    public async Task OpenAsync(LinkConnection connection, Hello hello)
    {
        if (!connection.Greet(hello))
        {
            await connection.Line.CloseAsync(LineCloseReason.ProtocolError);
            return;
        }
        if (!await sessions.LetEarlierRunFirstAsync(connection.LinkId, hello.RunId, hello.RunsBefore, connection.Line.Dead))
        {
            LogPlaceKept(connection.LinkId, hello.RunId, connection.Address);
            await connection.Line.CloseAsync(LineCloseReason.PlaceKept);
            return;
        }
        // Between the look for an older session and the opening of this one no other connection of the Link comes in.
        using var locked = await sessions.LockAsync(connection.LinkId);
        if (connection.Line.Dead.IsCancellationRequested)
            return;
        var (isRoom, replaced) = await sessions.MakeRoomAsync(connection.LinkId, hello.RunId);
        if (!isRoom)
        {
            RefuseSecond(connection, hello);
            await connection.Line.CloseAsync(LineCloseReason.AlreadyConnected);
            return;
        }
        try
        {
            await BeginAsync(connection, hello);
        }
        catch
        {
            // The older one found itself replaced when it ended, and left it to this one to say how the sites are.
            if (replaced is not null && sessions.Find(connection.LinkId) is null)
                history.Note(replaced.SiteIds, SiteContact.Lost);
            throw;
        }
    }

    /// <summary>The Link is locked, and has no session.</summary>
    async Task BeginAsync(LinkConnection connection, Hello hello)
    {
        var own = await reports.DescribeAsync(connection.LinkId, hello.MachineId, hello.Sites);
        registry.Heard(own.Select(s => s.Id), hello.ClockUtc, [.. hello.Sites.Where(s => s.Database is not null).Select(s => new SiteDatabase(s.Id, s.Database!))]);
        var session = new LinkSession(Guid.CreateVersion7(time.GetUtcNow()), connection.LinkId, hello.RunId, connection.Line, [.. own.Select(s => s.Id)])
        {
            Immediates = hello.Immediates.ToFrozenSet(),
            RunsRegistered = hello.Capabilities.Contains(Hello.RunsRegisteredQueries),
            RunsBatches = hello.Capabilities.Contains(Hello.RunsBatches),
            DescribesCommands = hello.Capabilities.Contains(Hello.DescribesCommands),
            ReadsSchemas = hello.Capabilities.Contains(Hello.ReadsSchemas),
            TakesUpdates = hello.Platform is not null,
            OpenedAt = time.GetUtcNow(),
            Intake = new(time),
        };
        var verdicts = await settling.SettleAsync(session, hello);
        var configuration = configurations.For(connection.LinkId);
        var notices = reports.NoticesOf(session);
        rollouts.Heard(connection.LinkId, hello.Platform);
        var update = session.ToldUpdate = session.TakesUpdates ? updates.MessageFor(connection.LinkId, hello.LinkVersion) : null;
        await connection.Line.SendAsync(FrameKind.Welcome, Guid.Empty,
            new Welcome(session.Id, ProductVersion.Text, options.HeartbeatSeconds, verdicts, notices)
            {
                Capabilities = [Welcome.TakesSiteChanges, Welcome.HasRegisteredQueries, Welcome.TakesSchemaMarks],
                Configuration = configuration,
                Update = update,
            }, ProtocolJson.Default.Welcome);
        connection.Open(session);
        links.Heard(connection.LinkId, hello.LinkVersion);
        if (links.Find(connection.LinkId)?.AlsoSeen?.RunId == hello.RunId)
            links.SeenAlso(connection.LinkId, null);
        sessions.Open(session);
        history.Note(session.SiteIds, SiteContact.Online);
        Telemetry.SessionOpened();
        // Its right may have been taken away since the token was looked at; whoever takes it from here on finds the session.
        if (links.Find(connection.LinkId) is not { Status: LinkStatus.Enrolled })
        {
            await connection.Line.CloseAsync(LineCloseReason.Revoked);
            return;
        }
        // Only now: what is asked for from here on finds the session, and what was changed since the Welcome was written did not.
        if (configurations.For(connection.LinkId) is { } latest && latest.Version != configuration.Version)
            session.Tell(latest);
        if (reports.NoticesOf(session) is var now && !now.SequenceEqual(notices))
            session.Tell(new SiteNotices(now));
        updates.Tell(session);
        cancelling.Repeat(session);
        surveys.Returned(session.SiteIds);
        LogOpened(connection.LinkId, hello.LinkVersion, siteNotices.Explain(own));
        // A site that the Link cannot describe yet is configured all the same; only what it has no more is gone.
        if (hello.ConfiguredSites is { } configured)
            await uninstaller.SitesAsync(connection.LinkId, [.. configured, .. session.SiteIds]);
    }

    void RefuseSecond(LinkConnection connection, Hello hello)
    {
        var now = time.GetUtcNow();
        var known = links.Find(connection.LinkId)?.AlsoSeen is { } seen && seen.RunId == hello.RunId ? seen : null;
        links.SeenAlso(connection.LinkId, new(hello.RunId, known?.FirstAt ?? now, now) { Address = connection.Address, MachineId = hello.MachineId });
        // It tries again and again: said once.
        if (known is null)
            LogAlreadyConnected(connection.LinkId, hello.RunId, connection.Address);
    }

    /// <summary>Ends the session of a connection that is over.</summary>
    public async Task EndAsync(LinkConnection connection)
    {
        if (connection.Session is not { } session)
            return;
        // What a Link says of its own end counts, also where this service was closing the line at the same moment.
        var inOrder = connection.Line.OtherCloseReason is LineCloseReason.LinkStopping or LineCloseReason.LinkUninstalled;
        var reason = inOrder ? connection.Line.OtherCloseReason : connection.Line.CloseReason;
        Telemetry.SessionClosed(reason);
        LogClosed(session.LinkId, reason ?? "the line broke");
        // One that was revoked does not come back by itself either: nobody waits for it, nor for what it might have told.
        var gone = inOrder || reason == LineCloseReason.Revoked;
        if (gone)
            await outcomes.SettleByFarewellAsync(session);
        // A session that opens meanwhile says what comes after this one, and not before it.
        using var locked = await sessions.LockAsync(session.LinkId);
        if (!sessions.Close(session, gone))
            return;
        links.Heard(session.LinkId, closedInOrder: gone);
        history.Note(session.SiteIds, gone ? SiteContact.Offline : SiteContact.Lost);
        if (reason == LineCloseReason.LinkUninstalled)
            await uninstaller.LinkAsync(session.LinkId);
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
}
