using System.Text.Json;
using Halo.Contracts.Admin;

namespace Halo.LinkProtocol.Messages;

/// <summary>What the operator wants a Link to run with; in Welcome, and by a frame of its own when it changes.</summary>
/// <remarks>
/// Settings travel by name (<see cref="RemoteSettings"/>), so that a Link can refuse one that its version does not know. What is
/// absent is the Link's own to decide.
/// </remarks>
/// <param name="Version">Grows with each change; 0: nothing was ever set.</param>
/// <param name="Settings">What holds for the Link as a whole.</param>
/// <param name="Sites">What holds for single sites.</param>
public sealed record RemoteConfiguration(
    long Version, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyList<SiteConfiguration> Sites);

/// <summary>What the operator wants one site to run with.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Settings">By name.</param>
public sealed record SiteConfiguration(Guid SiteId, IReadOnlyDictionary<string, JsonElement> Settings);

/// <summary>Which configuration the Link runs now.</summary>
/// <param name="Version">As in <see cref="RemoteConfiguration"/>.</param>
/// <param name="Refused">What of it the Link does not follow.</param>
public sealed record ConfigurationAck(long Version, IReadOnlyList<RefusedSetting> Refused);

/// <summary>The Link describes its sites again during a session, in place of those of Hello; answered by <see cref="SiteNotices"/> of all of them.</summary>
/// <param name="Id">Told again in the answer.</param>
/// <param name="Sites">Every site that it serves now.</param>
public sealed record SiteChanges(Guid Id, IReadOnlyList<SiteDescription> Sites)
{
    /// <summary>As in <see cref="Hello.ConfiguredSites"/>.</summary>
    public IReadOnlyList<Guid>? ConfiguredSites { get; init; }
}
