using System.Net.Sockets;
using System.Runtime.InteropServices;
using Halo.Api.Basics;
using Halo.Api.Console;
using Halo.Api.Endpoints.ForIntegrators;
using Halo.Api.Endpoints.ForIntegrators.Events;
using Halo.Api.Endpoints.ForIntegrators.Registered;
using Halo.Api.Endpoints.ForIntegrators.Surveys;
using Halo.Api.Endpoints.ForLinks;
using Halo.Api.Endpoints.ForOperators;
using Halo.Api.Endpoints.ForOperators.Reports;
using Halo.Api.Errors;
using Halo.Api.Health;
using Halo.Api.Integrators;
using Halo.Api.LinkSocket;
using Halo.Api.Observability;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Routing;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Transport;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Hosting.WindowsServices;

namespace Halo.Api;

/// <summary>The service, composed: settings, parts, pipeline, routes, and an orderly end.</summary>
static partial class HaloApi
{
    static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(4);

    /// <summary>Runs until told to stop.</summary>
    /// <param name="settings">As they stand on the command line, by .NET's rules.</param>
    /// <returns>The exit code: 0 in order.</returns>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int> RunAsync(string[] settings)
    {
        using var logs = LoggerFactory.Create(l => l.AddHaloConsole());
        var builder = CreateBuilder(settings);
        ListenAddresses.Check(builder.Configuration);
        PublicAddresses.Check(builder.Configuration);
        var log = logs.CreateLogger("Halo.Api.Startup");
        await using var bootstrap = await HostBootstrap.CreateAsync(builder.Configuration, log, TimeProvider.System);
        OpenKeyFiles.Warn(builder.Configuration, bootstrap.Directory, log);
        await WarmUp.RunAsync(bootstrap.Options, log, TimeProvider.System);
        // Each does nothing where the process is not that service manager's.
        builder.Services.AddSystemd().AddWindowsService(o => o.ServiceName = "HaloApi");
        // .NET knows systemd by the name of its parent, which ProtectProc=invisible hides: then nobody would hear that it is ready, and systemd would give it up.
        if (!SystemdHelpers.IsSystemdService() && Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 } && !OperatingSystem.IsWindows())
            builder.Services.AddSingleton<ISystemdNotifier, SystemdNotifier>().AddSingleton<IHostLifetime, SystemdLifetime>();
        // Windows' event log, which comes along, would get every line in a form that is not ours.
        builder.Logging.ClearProviders();
        await using var app = Build(builder, bootstrap);
        MakeServices(builder.Services, app.Services);
        // The host takes SIGTERM in hand, and in a terminal SIGINT and SIGQUIT; a terminal that goes would end the service where it stands.
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await StartAsync(app);
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Stopped before it had started: what follows is the same.
        }
        await app.WaitForShutdownAsync();
        return 0;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            app.Lifetime.StopApplication();
        }
    }

    /// <summary>Makes what is made once now, and not while the first caller waits.</summary>
    static void MakeServices(IServiceCollection services, IServiceProvider provider)
    {
        foreach (var service in services.Where(s => s.Lifetime == ServiceLifetime.Singleton && s.ServiceType.Assembly == typeof(HaloApi).Assembly))
            provider.GetService(service.ServiceType);
    }

    static async Task StartAsync(WebApplication app)
    {
        try
        {
            await app.StartAsync();
        }
        catch (IOException e) when (e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            throw new StartupException($"{e.Message} Stop the other program, or choose another address with --urls.", e);
        }
        catch (Exception e) when (app.Services.GetRequiredService<ApiLifecycle>().IsPrepared
            && e is IOException or SocketException or InvalidOperationException or FormatException or ArgumentException)
        {
            // An address of another machine, a port of root's, https without a certificate, a fault in Kestrel:Endpoints.
            throw new StartupException($"It cannot listen on {app.Configuration["urls"] ?? "the addresses of Kestrel:Endpoints"}: {e.Message} Check the setting urls (--urls) and the section Kestrel.", e);
        }
    }

    /// <summary>The host's settings, before anything stands.</summary>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // A line of HTTP/1.1 ends with CR LF alone: a proxy that takes a bare LF for a part of a header would see another request than this service.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        // Settings are read at the start alone. A watch on their file would wake for each write beneath the working directory, the ledger's too.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = ["--hostBuilder:reloadConfigOnChange=false", .. args],
            // A service of Windows runs in the system's directory.
            ContentRootPath = WindowsServiceHelpers.IsWindowsService() ? AppContext.BaseDirectory : null,
        });
        builder.Logging.ClearProviders();
        // Beneath every other source, so that Logging:LogLevel of the settings decides. The host's own words would be a stack about what the program says in
        // one line: why it cannot start.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData =
            [
                new("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
                new("Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host", "None"),
            ],
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        if (builder.Configuration["urls"] is null && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
            builder.WebHost.UseUrls("http://127.0.0.1:5080");
        return builder;
    }

    /// <summary>The service, built but not started; its port opens after <see cref="ApiLifecycle"/>.</summary>
    public static WebApplication Build(WebApplicationBuilder builder, HostBootstrap bootstrap)
    {
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = StopWithin);
        builder.AddHaloServices(bootstrap);
        var app = builder.Build();

        // First of all: what comes after it takes the caller's address and scheme for true.
        if (bootstrap.Options.TrustedProxies.Count > 0)
            app.UseForwardedHeaders(Proxies.Trust(bootstrap.Options.TrustedProxies));
        app.UseMiddleware<SecurityHeaders>();
        if (bootstrap.Options.Telemetry.Exports)
            app.UseMiddleware<RequestSpans>();
        app.UseMiddleware<ErrorShape>();
        app.UseMiddleware<TransportSecurity>();
        app.Use(RequestMethods.AnswerSafeAsync);
        app.UseRouting();
        app.Use(RequestMethods.RefuseOthersAsync);
        app.UseWhen(http => http.Request.Path.StartsWithSegments("/link"), branch =>
        {
            branch.Use(CoalescingUpgrade.OfferAsync);
            branch.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero });
        });
        app.UseWhen(http => http.Request.Path.StartsWithSegments("/integrator"), branch => branch.UseMiddleware<IntegratorAuthentication>());
        app.UseWhen(http => http.Request.Path.StartsWithSegments("/admin"), branch => branch.UseMiddleware<AdminAuthentication>());
        if (bootstrap.Options.ConsoleEnabled)
            app.UseConsole();
        app.Use(RequestParameters.CheckAsync);

        app.UseMetrics();

        app.MapSitesApi();
        app.MapSchemaApi();
        app.MapPairingApi();
        app.MapQueriesApi();
        app.MapRegisteredApi();
        app.MapSurveysApi();
        app.MapWebhooksApi();
        app.MapEventsApi();
        app.MapResultsApi();
        app.MapLimitsApi();
        app.MapOperatorsApi();
        app.MapAdminIntegratorsApi();
        app.MapAdminSitesApi();
        app.MapAdminLinksApi();
        app.MapEnrolmentTokensApi();
        app.MapAdminAvailabilityApi();
        app.MapAdminQueriesApi();
        app.MapAdminUsageApi();
        app.MapAdminAuditApi();
        app.MapProblemsApi();
        app.MapConfigurationApi();
        app.MapAdminReleasesApi();
        app.MapLinksApi();
        app.MapUpdateApi();
        app.MapPageUploadApi();
        app.MapRegisteredLinkApi();
        app.MapHealthApi();
        app.MapDocs();
        if (bootstrap.Options.ConsoleEnabled)
            app.MapConsole();
        return app;
    }
}
