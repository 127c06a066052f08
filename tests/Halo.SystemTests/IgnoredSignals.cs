namespace Halo.SystemTests;

/// <summary>A program leaves a signal alone that was ignored when it began, and what the tests start inherits that from them.</summary>
static class IgnoredSignals
{
    const int Hangup = 1, Interrupt = 2;

    /// <summary>Skips a test of SIGHUP or SIGINT where the tests were started with that signal ignored.</summary>
    public static void SkipWhereIgnored(string signal)
    {
        Assert.SkipWhen(signal == "SIGINT" && IsIgnored(Interrupt),
            "SIGINT is ignored here, and what is started inherits that: a shell does so with what it starts in the background. Run the tests in the foreground.");
        Assert.SkipWhen(signal == "SIGHUP" && IsIgnored(Hangup),
            "SIGHUP is ignored here, and what is started inherits that: nohup does so. Run the tests without it.");
    }

    static bool IsIgnored(int signal) => File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } ignored
        && (Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16) & 1UL << (signal - 1)) != 0;
}
