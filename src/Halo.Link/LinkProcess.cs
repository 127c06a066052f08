using System.Runtime.InteropServices;
using Halo.Line.Logging;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent as a process: in a terminal, under systemd or as a Windows service, with its log and its exit code.</summary>
static partial class LinkProcess
{
    /// <summary>Whatever hangs, the process is gone within the five seconds that it has.</summary>
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(4.5);

    /// <summary>Runs until it is told to stop and returns the exit code.</summary>
    public static async Task<int> RunAsync(LinkSettings settings, string path, LogLevel? level)
    {
        var host = Build(settings, path, level);
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        var file = host.Services.GetRequiredService<SettingsFile>();
        // A terminal's, which systemd's part does not take.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            lifetime.StopApplication();
        });
        using var again = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            file.Look(asked: true);
        });
        return await RunAsync(host, TimeProvider.System);
    }

    /// <summary>Runs a host until it is told to stop, or one of its loops fails, and disposes it.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IHost host, TimeProvider time)
    {
        var logs = host.Services.GetRequiredService<ILoggerFactory>();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var registration = stopping.Register(asked.SetResult);
        var ended = RunAsync(host, asked.Task, logs, stopping);
        await Task.WhenAny(ended, asked.Task);
        // A call that hangs in a driver holds a thread of the pool, and those end with the process.
        var limit = Task.Delay(LongestStop, time);
        try
        {
            return await Task.WhenAny(ended, limit) == ended ? await ended : 0;
        }
        finally
        {
            if (ended.IsCompleted)
                await Task.WhenAny(Task.Run(host.Dispose), limit);
            // Where that hangs, the last lines are still on their way.
            logs.Dispose();
        }
    }

    static IHost Build(LinkSettings settings, string path, LogLevel? level)
    {
        var chosen = new LogLevelSwitch(level);
        chosen.Set(null, settings.LogLevel);
        var builder = LinkHost.CreateBuilder(settings, TimeProvider.System, NewRandom(), chosen);
        // Each does nothing where the process is not that service manager's. Before the log, whose form is ours in any case.
        builder.Services.AddSystemd().AddWindowsService(o => o.ServiceName = "HaloLink");
        // .NET knows systemd by the name of its parent, which ProtectProc=invisible hides: then nobody would hear that it is ready, and systemd would give it up.
        if (!SystemdHelpers.IsSystemdService() && Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 } && !OperatingSystem.IsWindows())
            builder.Services.AddSingleton<ISystemdNotifier, SystemdNotifier>().AddSingleton<IHostLifetime, SystemdLifetime>();
        // Windows' event log, which comes along, would get every line in a form that is not ours.
        builder.Logging.ClearProviders();
        builder.Services.Configure<ConsoleLifetimeOptions>(o => o.SuppressStatusMessages = true);
        builder.Services.AddSingleton(p => new SettingsFile(path, Environment.GetEnvironmentVariables(), settings, TimeProvider.System, p.GetRequiredService<ILogger<SettingsFile>>()));
        // Everything may come: the switch, which settings turn while the Link runs, decides. What the host says of itself the Link says better.
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddFilter(chosen.Allows).AddFilter("Microsoft", LogLevel.None);
        // A terminal is read now and here; what is redirected may be a journal, or a file that is read elsewhere.
        builder.Logging.AddLogLines(Console.IsOutputRedirected
            ? o => (o.ForJournal, o.TimestampFormat, o.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true)
            : o => o.TimestampFormat = "HH:mm:ss ");
        return builder.Build();
    }

    static async Task<int> RunAsync(IHost host, Task asked, ILoggerFactory logs, CancellationToken stopping)
    {
        try
        {
            await host.StartAsync(CancellationToken.None);
            await asked;
            // A loop that failed stops the host. The process then ends at once and with an error: service managers start it again.
            await ThrowIfALoopFailedAsync(host);
            await host.StopAsync(CancellationToken.None);
            // The host is silent about one that fails as it ends.
            await ThrowIfALoopFailedAsync(host);
            return 0;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Before it had started.
            await host.StopAsync(CancellationToken.None);
            return 0;
        }
        catch (Exception e) when (e is not SettingsException)
        {
            LogEnded(logs.CreateLogger("Halo.Link"), FaultText.Of(e));
            return 1;
        }
    }

    static async Task ThrowIfALoopFailedAsync(IHost host)
    {
        foreach (var loop in host.Services.GetServices<IHostedService>().OfType<BackgroundService>())
            if (loop.ExecuteTask is { IsFaulted: true } failed)
                await failed;
    }

    [LoggerMessage(2007, LogLevel.Critical, "Halo Link ends because of an internal error. If it recurs, send this to the operator of the Halo API. {Fault}")]
    static partial void LogEnded(ILogger log, string fault);

    public static Random NewRandom() => new(System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue));
}
