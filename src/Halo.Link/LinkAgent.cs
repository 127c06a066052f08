using Halo.Link.Engines;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Results;
using Halo.Link.Session;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Work;
using Halo.Link.Work.Async;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent, put together: who it is, what it serves, the session that it keeps, and its end in order.</summary>
public static partial class LinkAgent
{
    static readonly TimeSpan LongestWorkStop = TimeSpan.FromSeconds(3);

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
        LocalSite Create(Guid id, SiteSettings site) => new(id, site, (engine, c) => DatabaseEngines.Create(engine, c, time));
        await using var sites = new LocalSites(settings.Sites.Select((s, i) => Create(siteIds[i], s)));
        ReserveThreads(settings);

        using var handler = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy);
        using var http = LinkHttpClient.CreateClient(settings.Api, handler);
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        var api = new LinkHttpClient(http, time, settings.Connection.CallWithin);
        using var tokens = new AccessTokens(api, settings.ApiAddress, identity.LinkId, key, Own(), time);
        LiveSettings? live = null;
        SessionLoop? loop = null;
        var enroller = new Enroller(api, settings.ApiAddress, identity.LinkId, key, () => live?.Local.EnrolmentToken ?? settings.EnrolmentToken, directory, logs.CreateLogger<Enroller>());
        var connector = new LinkConnector(settings.Api, invoker, enroller, tokens, settings.Connection, time);

        var current = new CurrentSession();
        var state = new LinkState(time);
        var gate = new ImmediateGate(time);
        var limits = new SiteLimits();
        var immediate = new ImmediateQueries(sites, settings.Lanes.Immediate, limits, current, gate, time, logs.CreateLogger<ImmediateQueries>());
        var localKey = LocalKey.Open(directory.Path);
        using var journal = ClaimJournal.Open(directory.Path, localKey, time);
        var spool = new Spool(directory.Path, localKey, new() { MaxBytes = settings.Spool.MaxBytes, WaitForRoom = settings.Spool.WaitForRoom }, time);
        using var uploader = new Uploader(http, tokens.GetAsync, gate.StandAsideAsync, spool, UploadOptions.From(settings.Upload) with { AtOnce = settings.Uploads }, time, Own(), logs.CreateLogger<Uploader>());
        var commands = new ClaimedCommands(sites, limits, time);
        await using var async = new AsyncQueries(new() { Slots = settings.Lanes.Async }, journal, spool, uploader, current,
            commands.RunAsync, time, logs.CreateLogger<AsyncQueries>(), (commands, sites.Places));

        using var gauges = new Gauges(immediate, async, spool, journal, state);
        using var telemetry = TelemetryExport.Start(settings, identity.LinkId);

        var run = Guid.CreateVersion7(time.GetUtcNow());
        var started = time.GetTimestamp();
        var practices = new PracticeDirectory(sites, directory, time, logs.CreateLogger<PracticeDirectory>());
        var healths = new DatabaseHealths(sites, time);
        var pairing = new PairingCodes(current, sites, time);
        void OpenAnew() => loop?.AnnounceAgain();
        IReadOnlyList<SiteDescription> Describe() => practices.Describe(healths.Last);
        var announcements = new SiteAnnouncements(current, enroller, sites, Describe, OpenAnew, time, logs.CreateLogger<SiteAnnouncements>());
        var heartbeat = new HeartbeatPeriod();
        var reload = new SiteReload(sites, directory, practices, announcements, Create, time, logs.CreateLogger<SiteReload>());
        live = new LiveSettings(settings, new(immediate, async, uploader, spool, limits, heartbeat, level ?? new(null), reload, current),
            new(directory, logs.CreateLogger<RemoteFile>()), OpenAnew, logs.CreateLogger<LiveSettings>());
        live.Begin();
        var closing = new CloseReason();
        void Uninstall()
        {
            closing.ForGood();
            stopping.Cancel();
        }
        var dispatcher = new FrameDispatcher(current, immediate, async, pairing, announcements, live.OnRemote, state, logs.CreateLogger<FrameDispatcher>());
        var report = new LinkReport(identity.LinkId, run, started, live, file, sites, practices, healths, state, immediate, async, spool, time);
        loop = new SessionLoop(connector, line => new(line, dispatcher, current, report.HeartbeatAsync, heartbeat, tokens, closing, Own(), time),
            () =>
            {
                file?.Look();
                return Describe();
            }, report.Hello, dispatcher, state, settings.Connection, Own(), time, logs.CreateLogger<SessionLoop>());

        var log = logs.CreateLogger("Halo.Link");
        LogStarting(log, HostInformation.Version, identity.LinkId, settings.Sites.Count, settings.ApiAddress);
        using var ending = new CancellationTokenSource();
        var status = new StatusServer(directory, report.Status, pairing.MakeAsync, Uninstall, time, logs.CreateLogger<StatusServer>()).RunAsync(ending.Token);
        await IgnoreCancelled(Task.WhenAll(async.SettleAsync(), practices.ReadAsync(stop)));
        var session = loop.RunAsync(ending.Token);
        Task[] beside =
        [
            practices.KeepFreshAsync(announcements.TellAsync, stop), live.RunAsync(stop),
            file?.WatchAsync(live.OnFileAsync, stop) ?? Task.Delay(Timeout.InfiniteTimeSpan, time, stop),
        ];
        await UntilStoppedAsync(Task.WhenAny([session, .. beside]).Unwrap(), stop);
        LogStopping(log);
        await StopWorkAsync(immediate, async, current, time);
        await ending.CancelAsync();
        await IgnoreCancelled(Task.WhenAll([status, session, .. beside]));
        LogStopped(log);
    }

    /// <summary>SQLite and the large values of SqlClient block their threads: the pool shall not be short of those that carry the line.</summary>
    internal static void ReserveThreads(LinkSettings settings)
    {
        ThreadPool.GetMinThreads(out var workers, out var ports);
        ThreadPool.SetMinThreads(workers + settings.Sites.Count * (settings.Lanes.Immediate + 1) + settings.Lanes.Async, ports);
    }

    static async Task UntilStoppedAsync(Task work, CancellationToken stop)
    {
        var stopped = new TaskCompletionSource();
        using var registration = stop.Register(() => stopped.TrySetResult());
        if (await Task.WhenAny(work, stopped.Task) == work)
            await IgnoreCancelled(work);
    }

    static async Task StopWorkAsync(ImmediateQueries immediate, AsyncQueries async, CurrentSession current, TimeProvider time)
    {
        using var deadline = new CancellationTokenSource(LongestWorkStop, time);
        await IgnoreCancelled(Task.WhenAll(immediate.StopAsync(deadline.Token), async.StopAsync(deadline.Token)));
        // What it does not name was never begun and never will be: the API can say so at once.
        await IgnoreCancelled(current.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = immediate.Held }, ProtocolJson.Default.Farewell, deadline.Token).AsTask());
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

    [LoggerMessage(2004, LogLevel.Information, "Stopping.")]
    static partial void LogStopping(ILogger log);

    [LoggerMessage(2005, LogLevel.Information, "Stopped.")]
    static partial void LogStopped(ILogger log);
}
