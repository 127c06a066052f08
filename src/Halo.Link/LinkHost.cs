using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Session;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Sites;
using Halo.Link.Status;
using Halo.Link.Transport;
using Halo.Link.Work;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.Link.Work.Registered;
using Halo.Link.Work.Updating;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent, composed: each part once, and what runs, in the order in which it starts.</summary>
static class LinkHost
{
    /// <summary>Beyond this nothing that ends is waited for.</summary>
    static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(4);

    /// <summary>The host without a log, a lifetime of its own, or a file of settings to follow (<see cref="SettingsFile"/>); the caller may add each.</summary>
    /// <param name="random">The source of all randomness.</param>
    /// <param name="level">What the log's filter asks.</param>
    /// <remarks>Starting the host fails with a <see cref="SettingsException"/> where the data directory cannot be used.</remarks>
    public static HostApplicationBuilder CreateBuilder(LinkSettings settings, TimeProvider time, Random random, LogLevelSwitch level)
    {
        // Empty: the Link has a reader of its own for its settings, and no others reach it.
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = "Halo Link", ContentRootPath = AppContext.BaseDirectory });
        builder.Services.Configure<HostOptions>(o => (o.ShutdownTimeout, o.ServicesStopConcurrently) = (StopWithin, true));
        builder.Services.AddSingleton(settings).AddSingleton(time).AddSingleton(level);
        // A Random is for one thread at a time: each gets its own, and whoever asks for one may be on any thread.
        builder.Services.AddTransient(_ =>
        {
            lock (random)
                return new Random(random.Next());
        });
        builder.Services.AddIdentity(settings, time).AddWork(settings).AddSession(settings).AddHosted();
        return builder;
    }

    /// <summary>Who the Link is and what it serves.</summary>
    static IServiceCollection AddIdentity(this IServiceCollection services, LinkSettings settings, TimeProvider time) => services
        .AddSingleton(_ => DataDirectory.Open(settings.DataDirectory))
        .AddSingleton(p => LinkIdentity.Load(p.GetRequiredService<DataDirectory>(), settings.Sites, time))
        .AddSingleton(p => LinkKey.Load(p.GetRequiredService<DataDirectory>()))
        .AddSingleton(p => LocalKey.Open(p.GetRequiredService<DataDirectory>().Path))
        .AddSingleton(p => Runs.Begin(p.GetRequiredService<DataDirectory>(), time))
        .AddSingleton<LoginRefusals>()
        .AddSingleton<OwnSessions>()
        .AddSingleton(p =>
        {
            var workers = new SqliteWorkers(settings.Sqlite.MaxMemoryBytes, time, p.GetRequiredService<ILogger<SqliteWorkers>>());
            if (settings.Sites.Any(s => s.Engine == EngineNames.Sqlite))
                workers.Begin();
            return workers;
        })
        .AddSingleton<SiteFactory>(p =>
        {
            var (logins, own, workers) = (p.GetRequiredService<LoginRefusals>(), p.GetRequiredService<OwnSessions>(), p.GetRequiredService<SqliteWorkers>());
            return (id, site) => new(id, site, (engine, c) => DatabaseEngines.Create(engine, c, time, site.Protection, own, workers), time, logins);
        })
        .AddSingleton(p => new LocalSites(settings.Sites.Zip(p.GetRequiredService<ConfiguredIdentity>().SiteIds, (site, id) => p.GetRequiredService<SiteFactory>()(id, site))))
        .AddSingleton<PracticeDirectory>()
        .AddSingleton<HeartbeatPeriod>()
        .AddSingleton<SchemaMarks>()
        .AddSingleton(p => new DatabaseHealths(
            p.GetRequiredService<LocalSites>(), time, p.GetRequiredService<ILogger<DatabaseHealths>>(), p.GetRequiredService<HeartbeatPeriod>().BeatNow));

    /// <summary>Both lanes, the journal, the spool and the way of pages.</summary>
    static IServiceCollection AddWork(this IServiceCollection services, LinkSettings settings) => services
        .AddSingleton<SiteLimits>()
        .AddSingleton<CommandExecutor>()
        .AddSingleton<ImmediateGate>()
        .AddSingleton(p => ClaimJournal.Open(p.GetRequiredService<DataDirectory>().Path, p.GetRequiredService<LocalKey>(), p.GetRequiredService<TimeProvider>()))
        .AddSingleton(p => ActivatorUtilities.CreateInstance<ImmediateQueries>(p, settings.Lanes.Immediate))
        .AddSingleton(p => new Spool(p.GetRequiredService<DataDirectory>().Path, p.GetRequiredService<LocalKey>(),
            new() { MaxBytes = settings.Spool.MaxBytes, WaitForRoom = settings.Spool.WaitForRoom }, p.GetRequiredService<TimeProvider>()))
        .AddSingleton(p =>
        {
            var way = p.GetRequiredService<ApiTransport>();
            return new Uploader(way.Http, way.Tokens.GetAsync, p.GetRequiredService<ImmediateGate>().StandAsideAsync, p.GetRequiredService<Spool>(),
                UploadOptions.From(settings.Upload) with { AtOnce = settings.Uploads }, p.GetRequiredService<TimeProvider>(), p.GetRequiredService<Random>(),
                p.GetRequiredService<ILogger<Uploader>>());
        })
        .AddSingleton<IClaimedCommands, ClaimedCommands>()
        .AddSingleton(p =>
        {
            var async = ActivatorUtilities.CreateInstance<AsyncQueries>(p, new AsyncOptions { Slots = settings.Lanes.Async });
            p.GetRequiredService<LocalSites>().AvailabilityChanged += (_, connector) =>
            {
                if (connector.Outage is null)
                    async.OnWorkAvailable();
            };
            return async;
        })
        .AddSingleton<RegisteredRuns>()
        .AddSingleton<RegisteredQueries>()
        .AddSingleton(p =>
        {
            var (way, directory, immediate, async) = (p.GetRequiredService<ApiTransport>(), p.GetRequiredService<DataDirectory>().Path, p.GetRequiredService<ImmediateQueries>(), p.GetRequiredService<AsyncQueries>());
            return new BundleDownload(way.Http, way.Tokens.GetAsync, directory, p.GetRequiredService<ImmediateGate>().StandAsideAsync,
                () => immediate.Running + async.Executing + async.Uploading > 0, () => new DriveInfo(directory).AvailableFreeSpace, p.GetRequiredService<TimeProvider>());
        })
        .AddSingleton(p => ActivatorUtilities.CreateInstance<SelfUpdate>(p,
            new Func<UpdateSettings>(() => p.GetRequiredService<LiveSettings>().Local.Updates), new Action(p.GetRequiredService<HeartbeatPeriod>().BeatNow)))
        .AddSingleton<WarmUp>()
        .AddSingleton<Gauges>()
        .AddSingleton<FreedMemory>();

    /// <summary>The session with the API, what it carries, and the settings that change meanwhile.</summary>
    static IServiceCollection AddSession(this IServiceCollection services, LinkSettings settings) => services
        .AddSingleton<CurrentSession>()
        .AddSingleton<LinkState>()
        .AddSingleton<CloseReason>()
        .AddSingleton(p => new ApiTransport(settings, p.GetRequiredService<ConfiguredIdentity>().Link.LinkId, p.GetRequiredService<LinkKey>(),
            () => p.GetRequiredService<LiveSettings>().Local.EnrolmentToken, p.GetRequiredService<DataDirectory>(), p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<Random>, p.GetRequiredService<ILoggerFactory>()))
        .AddSingleton<PairingCodes>()
        .AddSingleton<Func<IReadOnlyList<SiteDescription>>>(p =>
            () => p.GetRequiredService<PracticeDirectory>().Describe(p.GetRequiredService<DatabaseHealths>().Last))
        .AddSingleton(p => ActivatorUtilities.CreateInstance<SiteAnnouncements>(p, p.GetRequiredService<ApiTransport>().Enroller,
            new Action(() => p.GetRequiredService<SessionLoop>().AnnounceAgain())))
        .AddSingleton<SiteReload>()
        .AddSingleton<RemoteFile>()
        .AddSingleton<LiveParts>()
        .AddSingleton(p => ActivatorUtilities.CreateInstance<LiveSettings>(p, new Action(() => p.GetRequiredService<SessionLoop>().AnnounceAgain())))
        .AddSingleton<RemoteConfigurationArrived>(p => p.GetRequiredService<LiveSettings>().OnRemote)
        .AddSingleton<FrameDispatcher>()
        .AddSingleton(p => p.GetRequiredService<ApiTransport>().Drift)
        .AddSingleton<LinkReport>()
        .AddSingleton(p =>
        {
            var (way, time, random) = (p.GetRequiredService<ApiTransport>(), p.GetRequiredService<TimeProvider>(), p.GetRequiredService<Random>());
            var (dispatcher, describe, report) = (p.GetRequiredService<FrameDispatcher>(), p.GetRequiredService<Func<IReadOnlyList<SiteDescription>>>(), p.GetRequiredService<LinkReport>());
            var (current, heartbeat, closing) = (p.GetRequiredService<CurrentSession>(), p.GetRequiredService<HeartbeatPeriod>(), p.GetRequiredService<CloseReason>());
            var file = p.GetService<SettingsFile>();
            return new SessionLoop(way.Connector, way.Problem,
                line => new(line, dispatcher, current, report.HeartbeatAsync, heartbeat, way.Tokens, closing, settings.Connection, p.GetRequiredService<Random>(), time),
                () =>
                {
                    file?.Look();
                    return describe();
                }, report.HelloAsync, dispatcher, p.GetRequiredService<LinkState>(), settings.Connection, random, time, p.GetRequiredService<ILogger<SessionLoop>>());
        })
        .AddSingleton(p => new StatusServer(p.GetRequiredService<DataDirectory>(), p.GetRequiredService<LinkReport>().Status, p.GetRequiredService<PairingCodes>().MakeAsync, p.GetRequiredService<SelfUpdate>().AskAsync, () =>
        {
            p.GetRequiredService<CloseReason>().ForGood();
            p.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        }, p.GetRequiredService<TimeProvider>(), p.GetRequiredService<ILogger<StatusServer>>()));

    /// <summary>What runs. They start in this order, each when the one before has started; as they stop, <see cref="LinkLifecycle"/> says in which order.</summary>
    static void AddHosted(this IServiceCollection services) => services
        .AddLoop(p => p.GetRequiredService<StatusServer>().RunAsync)
        .AddHostedService<LinkLifecycle>()
        .AddLoop(p => p.GetRequiredService<SessionLoop>().RunAsync)
        .AddLoop(p => stop => p.GetRequiredService<PracticeDirectory>().KeepFreshAsync(p.GetRequiredService<SiteAnnouncements>().TellAsync, stop))
        .AddLoop(p => p.GetRequiredService<RegisteredQueries>().RunAsync)
        .AddLoop(p => p.GetRequiredService<SelfUpdate>().RunAsync)
        .AddLoop(p => p.GetRequiredService<LiveSettings>().RunAsync)
        .AddLoop(p => p.GetRequiredService<FreedMemory>().RunAsync)
        .AddLoop(p => stop => p.GetService<SettingsFile>()?.WatchAsync(p.GetRequiredService<LiveSettings>().OnFileAsync, stop) ?? Task.CompletedTask);

    static IServiceCollection AddLoop(this IServiceCollection services, Func<IServiceProvider, Func<CancellationToken, Task>> loop) =>
        services.AddSingleton<IHostedService>(p => new BackgroundLoop(loop(p)));

    sealed class BackgroundLoop(Func<CancellationToken, Task> run) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }
}
