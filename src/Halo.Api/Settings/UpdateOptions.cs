namespace Halo.Api.Settings;

/// <summary>How Links are updated: the settings under <c>Halo:Updates</c>.</summary>
sealed record UpdateOptions
{
    /// <summary>A file of the root keys whose releases are taken; null: those that this build was made with.</summary>
    public string? Roots { get; init; }

    /// <summary>Bundles that are sent at once (1 to 1000, default 50): Links beyond are told to come again, so that a release does not take the whole uplink.</summary>
    public int Downloads { get; init; } = 50;

    /// <summary>A release stops by itself where so many percent of the Links of a ring that have finished with it have failed (1 to 100, default 10).</summary>
    public int FailurePercent { get; init; } = 10;

    /// <summary>A Link that was handed a release and is not heard of for so many milliseconds counts as failed (1000 to 86400000, default 1800000). Longer than a trial takes.</summary>
    public int SilentAfterMs { get; init; } = 1_800_000;

    /// <summary>The same as a duration.</summary>
    public TimeSpan SilentAfter => TimeSpan.FromMilliseconds(SilentAfterMs);

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static UpdateOptions Read(IConfigurationSection section, List<string> faults)
    {
        var preset = new UpdateOptions();
        var roots = section[nameof(Roots)];
        if (roots is not null && !File.Exists(roots))
            faults.Add($"{section.Path}:{nameof(Roots)} is \"{roots}\", and there is no such file.");
        return new UpdateOptions
        {
            Roots = roots,
            Downloads = ApiOptions.ReadInt(section, nameof(Downloads), preset.Downloads, 1, 1000, faults),
            FailurePercent = ApiOptions.ReadInt(section, nameof(FailurePercent), preset.FailurePercent, 1, 100, faults),
            SilentAfterMs = ApiOptions.ReadInt(section, nameof(SilentAfterMs), preset.SilentAfterMs, 1000, 86_400_000, faults),
        };
    }
}
