using System.Runtime.InteropServices;
using Halo.Line.Logging;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent as a process: its log, its signals, its end.</summary>
static partial class LinkProcess
{
    /// <summary>Whatever hangs, the process is gone within the five seconds that it has.</summary>
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(4.5);

    /// <summary>Runs until SIGTERM or SIGINT and returns the exit code.</summary>
    public static async Task<int> RunAsync(LinkSettings settings, string file, LogLevel? level)
    {
        var chosen = new LogLevelSwitch(level);
        chosen.Set(null, settings.LogLevel);
        using var logs = LoggerFactory.Create(logging =>
        {
            // Everything may come: the switch, which settings turn while the Link runs, decides.
            logging.SetMinimumLevel(LogLevel.Trace).AddFilter(chosen.Allows);
            // A terminal is read now and here; what is redirected may be a journal, or a file that is read elsewhere.
            logging.AddLogLines(Console.IsOutputRedirected
                ? o => (o.ForJournal, o.TimestampFormat, o.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true)
                : o => o.TimestampFormat = "HH:mm:ss ");
        });
        using var stop = new CancellationTokenSource();
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        var watched = new SettingsFile(file, Environment.GetEnvironmentVariables(), settings, TimeProvider.System, logs.CreateLogger<SettingsFile>());
        using var again = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            watched.Look(asked: true);
        });
        var running = LinkAgent.RunAsync(settings, TimeProvider.System, NewRandom(), logs, stop.Token, watched, chosen);
        var asked = new TaskCompletionSource();
        using var registration = stop.Token.Register(() => asked.TrySetResult());
        if (await Task.WhenAny(running, asked.Task) != running)
        {
            // A call that hangs in a driver holds a thread of the pool, and those end with the process.
            await Task.WhenAny(running, Task.Delay(LongestStop, TimeProvider.System));
            if (!running.IsCompleted)
                return 0;
        }
        try
        {
            await running;
            return 0;
        }
        catch (Exception e) when (e is not SettingsException)
        {
            LogEnded(logs.CreateLogger("Halo.Link"), FaultText.Of(e));
            return 1;
        }
    }

    [LoggerMessage(2007, LogLevel.Critical, "Halo Link ends by a fault of its own. Where this comes again, send this to the operator of the Halo API. {Fault}")]
    static partial void LogEnded(ILogger log, string fault);

    public static Random NewRandom() => new(System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue));
}
