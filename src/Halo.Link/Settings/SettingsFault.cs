namespace Halo.Link.Settings;

/// <summary>One thing that is wrong with the configuration.</summary>
/// <param name="Name">The setting, as <c>sites[0].engine</c>.</param>
/// <param name="Message">What is wrong and what to do; never a value that may be secret.</param>
sealed record SettingsFault(string Name, string Message)
{
    public override string ToString() => $"{Name}: {Message}";
}

/// <summary>The configuration cannot be used; every fault of it at once, the first fifty where there are more.</summary>
sealed class SettingsException(IReadOnlyList<SettingsFault> faults)
    : Exception(string.Join(Environment.NewLine, Most(faults)))
{
    const int MostFaults = 50;

    public IReadOnlyList<SettingsFault> Faults { get; } = Most(faults);

    static IReadOnlyList<SettingsFault> Most(IReadOnlyList<SettingsFault> faults) => faults.Count <= MostFaults
        ? faults
        : [.. faults.Take(MostFaults), new(faults[0].Name, $"has {faults.Count - MostFaults} more faults.")];
}
