namespace Halo.Link.Settings;

/// <summary>How every command of <c>halo-link</c> says that the configuration cannot be used.</summary>
static class FaultyConfiguration
{
    /// <summary>A person has to put something right.</summary>
    public const int ExitCode = 2;

    /// <summary>Runs a command; where the configuration has faults, each is told on a line of its own.</summary>
    /// <returns>The command's exit code.</returns>
    public static async Task<int> ExplainAsync(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (SettingsException e)
        {
            await Console.Error.WriteLineAsync(e.Faults.Count == 1 ? "The configuration has a fault:" : $"The configuration has {e.Faults.Count} faults:");
            foreach (var fault in e.Faults)
                await Console.Error.WriteLineAsync($"  {fault}");
            return ExitCode;
        }
    }
}
