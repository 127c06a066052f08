using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Link.Files;
using Halo.Link.Observability;
using Halo.Link.Session;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Sites;
using Halo.Link.Status;
using Halo.Link.Transport;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent, put together: who it is, what it serves, the session that it keeps, and its end in order.</summary>
static partial class LinkAgent
{
    /// <summary>Runs until it is stopped; then work is ended or given back, and the session closed, in that order.</summary>
    /// <exception cref="SettingsException">The data directory cannot be used.</exception>
    /// <param name="file">Where the settings came from, to follow its changes; null: they stay as they are.</param>
    /// <param name="level">What the log's filter asks; null: nothing does.</param>
    public static async Task RunAsync(
        LinkSettings settings, TimeProvider time, Random random, ILoggerFactory logs, CancellationToken stop, SettingsFile? file = null, LogLevelSwitch? level = null)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        stop = stopping.Token;
        // A Random is for one thread at a time: each gets its own.
        Random Own() => new(random.Next());
        using var directory = DataDirectory.Open(settings.DataDirectory);
        var (identity, siteIds) = LinkIdentity.Load(directory, settings.Sites, time);
        using var key = LinkKey.Load(directory);
        await using var workers = new SqliteWorkers(settings.Sqlite.MaxMemoryBytes, time, logs.CreateLogger<SqliteWorkers>());
        if (settings.Sites.Any(s => s.Engine == EngineNames.Sqlite))
            workers.Begin();
        var logins = new LoginRefusals(time);
        var own = new OwnSessions();
        LocalSite Create(Guid id, SiteSettings site) => new(id, site, (engine, c) => DatabaseEngines.Create(engine, c, time, site.Protection, own, workers), time, logins);
        await using var sites = new LocalSites(settings.Sites.Select((s, i) => Create(siteIds[i], s)));
        LiveSettings.ReserveThreads(settings);

        LiveSettings? live = null;
        SessionLoop? loop = null;
        using var way = new LinkWay(settings, identity.LinkId, key, () => live?.Local.EnrolmentToken ?? settings.EnrolmentToken, directory, time, Own, logs);
        var current = new CurrentSession();
        var state = new LinkState(time);
        await using var work = new LinkWork(settings, directory, sites, way, current, time, Own, logs);
        using var gauges = new Gauges(work.Immediate, work.Async, work.Spool, work.Journal, state);

        var runs = Runs.Begin(directory, time);
        var started = time.GetTimestamp();
        var practices = new PracticeDirectory(sites, directory, time, logs.CreateLogger<PracticeDirectory>());
        var heartbeat = new HeartbeatPeriod();
        var healths = new DatabaseHealths(sites, time, logs.CreateLogger<DatabaseHealths>(), heartbeat.BeatNow);
        var pairing = new PairingCodes(current, sites, time);
        void OpenAnew() => loop?.AnnounceAgain();
        IReadOnlyList<SiteDescription> Describe() => practices.Describe(healths.Last);
        var announcements = new SiteAnnouncements(current, way.Enroller, sites, Describe, OpenAnew, time, logs.CreateLogger<SiteAnnouncements>());
        var reload = new SiteReload(sites, directory, practices, announcements, Create, time, logs.CreateLogger<SiteReload>());
        live = new LiveSettings(settings, new(work.Immediate, work.Async, work.Uploader, work.Spool, work.Limits, heartbeat, level ?? new(null), reload, current),
            new(directory, logs.CreateLogger<RemoteFile>()), OpenAnew, time, logs.CreateLogger<LiveSettings>());
        live.Begin();
        var closing = new CloseReason();
        void Uninstall()
        {
            closing.ForGood();
            stopping.Cancel();
        }
        var dispatcher = new FrameDispatcher(current, work.Immediate, work.Async, pairing, announcements, live.OnRemote, state, time, logs.CreateLogger<FrameDispatcher>());
        var report = new LinkReport(identity.LinkId, runs, started, live, file, directory, way.Drift, sites, practices, healths, state, work.Immediate, work.Async, work.Spool, time);
        loop = new SessionLoop(way.Connector, way.Problem, line => new(line, dispatcher, current, report.HeartbeatAsync, heartbeat, way.Tokens, closing, settings.Connection, Own(), time),
            () =>
            {
                file?.Look();
                return Describe();
            }, report.Hello, dispatcher, state, settings.Connection, Own(), time, logs.CreateLogger<SessionLoop>());

        var log = logs.CreateLogger("Halo.Link");
        LogStarting(log, HostInformation.Version, identity.LinkId, settings.Sites.Count, settings.ApiAddress);
        foreach (var warning in directory.KeyFiles.Select(OwnFiles.WarningFor).OfType<string>())
            LogOpenKey(log, warning);
        foreach (var site in sites.All.Where(s => PracticePolicy.ReliesOnModes(s.Settings.Policy)))
            LogModesAlone(log, site.Id);
        using var ending = new CancellationTokenSource();
        var status = new StatusServer(directory, report.Status, pairing.MakeAsync, Uninstall, time, logs.CreateLogger<StatusServer>()).RunAsync(ending.Token);
        await IgnoreCancelled(practices.ReadAsync(_ => Task.CompletedTask, stop));
        await IgnoreCancelled(WarmUpAsync());
        // After the warm-up, whose queries are nobody's.
        using var telemetry = TelemetryExport.Start(settings, identity.LinkId);
        await IgnoreCancelled(work.Async.SettleAsync());
        var session = loop.RunAsync(ending.Token);
        Task[] beside =
        [
            practices.KeepFreshAsync(announcements.TellAsync, stop), live.RunAsync(stop),
            file?.WatchAsync(live.OnFileAsync, stop) ?? Task.Delay(Timeout.InfiniteTimeSpan, time, stop),
        ];
        await UntilStoppedAsync(Task.WhenAny([session, .. beside]).Unwrap(), stop);
        LogStopping(log);
        await work.StopAsync();
        await ending.CancelAsync();
        await IgnoreCancelled(Task.WhenAll([status, session, .. beside]));
        runs.End();
        LogStopped(log);

        async Task WarmUpAsync()
        {
            var began = time.GetTimestamp();
            try
            {
                if (await new WarmUp(sites, work.Limits, work.Journal, time).RunAsync(settings.WarmUp, stop) is > 0 and var queries)
                    LogWarmedUp(log, queries, (long)time.GetElapsedTime(began).TotalMilliseconds);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogWarmUpFailed(log, e);
            }
        }
    }

    static async Task UntilStoppedAsync(Task work, CancellationToken stop)
    {
        var stopped = new TaskCompletionSource();
        using var registration = stop.Register(() => stopped.TrySetResult());
        if (await Task.WhenAny(work, stopped.Task) == work)
            await IgnoreCancelled(work);
    }

    static async Task IgnoreCancelled(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // Stopped, as asked.
        }
    }

    [LoggerMessage(2000, LogLevel.Information, "Halo Link {Version} starts as {LinkId}, {Sites} site(s), API {Api}.")]
    static partial void LogStarting(ILogger log, string version, Guid linkId, int sites, string api);

    [LoggerMessage(2044, LogLevel.Warning, "{Warning}")]
    static partial void LogOpenKey(ILogger log, string warning);

    [LoggerMessage(2046, LogLevel.Warning, "Site {SiteId}: its policy lets an integrator read by modes alone. A reader's text may still write where its login may: set readOnly, with a login that can only read (docs/configuration.md).")]
    static partial void LogModesAlone(ILogger log, Guid siteId);

    [LoggerMessage(2047, LogLevel.Information, "Warmed up by {Queries} queries of the Link's own in {Milliseconds} ms.")]
    static partial void LogWarmedUp(ILogger log, int queries, long milliseconds);

    [LoggerMessage(2048, LogLevel.Warning, "The warm-up failed, so the first queries take longer than usual; nothing else follows from it.")]
    static partial void LogWarmUpFailed(ILogger log, Exception exception);

    [LoggerMessage(2004, LogLevel.Information, "Stopping.")]
    static partial void LogStopping(ILogger log);

    [LoggerMessage(2005, LogLevel.Information, "Stopped.")]
    static partial void LogStopped(ILogger log);
}
