namespace Halo.Link.Settings;

/// <summary>One thing that is wrong with the configuration.</summary>
/// <param name="Name">The setting, as <c>sites[0].engine</c>.</param>
/// <param name="Message">What is wrong and what to do; never a value that may be secret.</param>
public sealed record SettingsFault(string Name, string Message)
{
    public override string ToString() => $"{Name}: {Message}";
}

/// <summary>The configuration cannot be used; every fault of it at once.</summary>
public sealed class SettingsException(IReadOnlyList<SettingsFault> faults)
    : Exception(string.Join(Environment.NewLine, faults))
{
    public IReadOnlyList<SettingsFault> Faults { get; } = faults;
}
