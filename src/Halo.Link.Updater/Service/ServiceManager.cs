using System.Diagnostics;
using System.Globalization;

namespace Halo.Link.Updater.Service;

/// <summary>The agent's service, by <c>systemctl</c>.</summary>
sealed class ServiceManager(string unit, TimeProvider time)
{
    static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Ends what runs and starts what <c>current</c> names. It is systemd's job from here on, whatever becomes of the updater.</summary>
    public async Task RestartAsync()
    {
        // Counts of earlier failures do not count for this version. A unit that has not failed is no error.
        await RunAsync("reset-failed", unit);
        await RunAsync("restart", "--no-block", unit);
    }

    public async Task<ServiceState> StateAsync()
    {
        var (_, output) = await RunAsync("show", "--property=ActiveState,NRestarts", unit);
        var values = output.Split('\n').Select(l => l.Split('=', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0].Trim(), p => p[1].Trim());
        return new(values.GetValueOrDefault("ActiveState", ""), int.TryParse(values.GetValueOrDefault("NRestarts"), NumberStyles.None, CultureInfo.InvariantCulture, out var restarts) ? restarts : 0);
    }

    async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(Longest, time);
        try
        {
            var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, output[0]);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"systemctl {arguments[0]} did not end within a minute.");
        }
    }
}

/// <summary>How the service stands.</summary>
/// <param name="Active">As systemd says: <c>active</c>, <c>activating</c>, <c>deactivating</c>, <c>inactive</c>, <c>failed</c>.</param>
/// <param name="Restarts">How often systemd started it again after it had failed.</param>
sealed record ServiceState(string Active, int Restarts)
{
    /// <summary>Nothing runs, and nothing will by itself.</summary>
    public bool IsDown => Active is "inactive" or "failed";
}
