using Halo.Contracts.Admin;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Settings;

/// <summary>How the settings stand.</summary>
/// <param name="RemoteVersion">The remote configuration in force; 0: none.</param>
/// <param name="Refused">What of it is not followed.</param>
/// <param name="NeedsRestart">Local settings that were changed and are not in force before a restart.</param>
sealed record SettingsStatus(long RemoteVersion, IReadOnlyList<RefusedSetting> Refused, IReadOnlyList<string> NeedsRestart)
{
    /// <summary>What is wrong with the file now, where the last good one is still in force.</summary>
    public IReadOnlyList<SettingsFault>? Faults { get; init; }
}
