using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites.State;

/// <summary>Sites as the outside sees them: the record, with what is known of its Link at this moment.</summary>
sealed class SiteView(LinkDirectory links, Availability availability)
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
        Database = site.Database switch
        {
            null => new DatabaseHealth(DatabaseStatus.Unknown),
            { RetryAfterMs: { } told } health => health with { RetryAfterMs = (int)DatabaseRetry.Of(told).TotalMilliseconds },
            var health => health,
        },
        Notice = site.MinimumVersion is null ? null : SiteAccess.VersionWords(site),
    };
}
