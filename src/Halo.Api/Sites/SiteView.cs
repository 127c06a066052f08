using Halo.Api.Links;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Sites as the outside sees them: the record, with what is known of its Link at this moment.</summary>
public sealed class SiteView(LinkDirectory links, Availability availability)
{
    /// <summary>For integrators.</summary>
    public Site Show(SiteRecord site) => new()
    {
        Id = site.Id,
        PmsType = PmsNames.TypeOf(site.PmsName),
        Availability = availability.Of(site),
        Status = site.Status,
        HaloLinkVersion = links.Find(site.LinkId)?.Version,
        Catalogue = site.Catalogues,
        PracticeMetadata = site.Metadata,
        EnrichedAt = site.EnrichedAt,
        Name = site.PracticeName,
        PracticeManagementSiteId = site.PmsId,
        PracticeManagementName = site.PmsName,
        PracticeManagementVersion = site.PmsVersion,
        CreatedAt = site.CreatedAt,
        Authoritative = site.Authoritative,
        HeartbeatTimestamp = site.HeartbeatAt,
        ClientTimestamp = site.ClientClockAt,
        ClockDriftMs = site is { ClientClockAt: { } clinic, HeartbeatAt: { } ours } ? (long)(clinic - ours).TotalMilliseconds : null,
        Database = site.Database ?? new DatabaseHealth(DatabaseStatus.Unknown),
        Notice = site.MinimumVersion is null ? null : VersionWords(site),
    };

    /// <summary>That its PMS is too old, with both versions.</summary>
    public static string VersionWords(SiteRecord site) =>
        $"{site.PmsName} {site.Metadata.PracticeManagementVersion} of site {site.Id} is older than {site.MinimumVersion}, the oldest version that this service works with.";

    /// <summary>What the Link's log should say of a site.</summary>
    public static string Explain(SiteRecord site) => site switch
    {
        { Status: SiteStatus.Removed } => "An operator removed this site; it gets no queries. Ask the operator if that is a mistake.",
        { Confirmed: false } =>
            "This site's database, machine or practice id is not the one it was installed with. It gets no queries until the operator confirms it.",
        { Authoritative: false } =>
            $"Practice {site.PmsId} of {site.PmsName} is served by another site, or nobody has proven that this is the practice. It gets no queries. "
            + $"Where this server takes the place of the old one, or is the first, ask the operator of the Halo API to move authority to site {site.Id}; "
            + "where it is a spare, nothing is to be done.",
        { MinimumVersion: { } minimum } =>
            $"{site.PmsName} {site.Metadata.PracticeManagementVersion} is older than {minimum}, the oldest version that the Halo API works with. "
            + "This site gets no queries until it is updated; the Link notices that by itself within a day, or when it is started again.",
        _ => $"This site serves practice {site.PmsId} of {site.PmsName}.",
    };
}
