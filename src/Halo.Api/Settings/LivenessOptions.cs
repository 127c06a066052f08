using Halo.Line;

namespace Halo.Api.Settings;

/// <summary>When a Link counts as gone: the settings under <c>Halo:Links</c>, in milliseconds.</summary>
sealed record LivenessOptions
{
    /// <summary>Silence on a line after which the Link is asked for a sign of life (100 to 60000, default 20000).</summary>
    public int PingAfterMs { get; init; } = 20_000;

    /// <summary>Further silence after which the line is dropped (100 to 60000, default 10000); also what an older run of a Link has to answer a newer one.</summary>
    public int DeadAfterPingMs { get; init; } = 10_000;

    /// <summary>How long a site without a session still counts as online, from its Link's last word (1000 to 3600000, default 120000). Longer than a Link takes to come back.</summary>
    public int UnreachableAfterMs { get; init; } = 120_000;

    /// <summary>
    /// After the service's start: how long Links may take to tell what they finished meanwhile (1000 to 600000, default 90000).
    /// Longer than their longest wait between two attempts, and what a session's opening takes. For so long, too, the place of a Link is
    /// kept for the run that was connected before.
    /// </summary>
    public int ReturnWithinMs { get; init; } = 90_000;

    /// <summary>The same as a duration.</summary>
    public TimeSpan UnreachableAfter => TimeSpan.FromMilliseconds(UnreachableAfterMs);

    /// <summary>The same as a duration.</summary>
    public TimeSpan ReturnWithin => TimeSpan.FromMilliseconds(ReturnWithinMs);

    /// <summary>The same for a line.</summary>
    public LineTimes Line => new() { PingAfter = TimeSpan.FromMilliseconds(PingAfterMs), DeadAfterPing = TimeSpan.FromMilliseconds(DeadAfterPingMs) };

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static LivenessOptions Read(IConfigurationSection section, List<string> faults)
    {
        var preset = new LivenessOptions();
        return new LivenessOptions
        {
            PingAfterMs = Int(nameof(PingAfterMs), preset.PingAfterMs, 100, 60_000),
            DeadAfterPingMs = Int(nameof(DeadAfterPingMs), preset.DeadAfterPingMs, 100, 60_000),
            UnreachableAfterMs = Int(nameof(UnreachableAfterMs), preset.UnreachableAfterMs, 1000, 3_600_000),
            ReturnWithinMs = Int(nameof(ReturnWithinMs), preset.ReturnWithinMs, 1000, 600_000),
        };

        int Int(string name, int value, int least, int most) => ApiOptions.ReadInt(section, name, value, least, most, faults);
    }
}
