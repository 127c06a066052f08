using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Contracts.Admin;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>Sites as operators see them.</summary>
sealed class AdminSites(SiteView view)
{
    public AdminSite Show(SiteRecord site)
    {
        var shown = view.Show(site);
        return new AdminSite
        {
            LinkId = site.LinkId,
            Confirmed = site.Confirmed,
            Reported = site.Confirmed ? null : site.Reported,
            Id = shown.Id,
            PmsType = shown.PmsType,
            Availability = shown.Availability,
            Status = shown.Status,
            HaloLinkVersion = shown.HaloLinkVersion,
            Catalogue = shown.Catalogue,
            PracticeMetadata = shown.PracticeMetadata,
            EnrichedAt = shown.EnrichedAt,
            Name = shown.Name,
            PracticeManagementSiteId = shown.PracticeManagementSiteId,
            PracticeManagementName = shown.PracticeManagementName,
            PracticeManagementVersion = shown.PracticeManagementVersion,
            CreatedAt = shown.CreatedAt,
            Authoritative = shown.Authoritative,
            HeartbeatTimestamp = shown.HeartbeatTimestamp,
            ClientTimestamp = shown.ClientTimestamp,
            ClockDriftMs = shown.ClockDriftMs,
            Database = shown.Database,
            Notice = shown.Notice,
        };
    }
}
