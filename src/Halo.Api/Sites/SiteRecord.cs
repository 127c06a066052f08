using Halo.Contracts.Admin;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>A site as the service holds it in memory. Replaced whole when anything about it changes.</summary>
sealed record SiteRecord
{
    public required Guid Id { get; init; }
    public required Guid LinkId { get; init; }
    public required SiteStatus Status { get; init; }
    public required string PmsName { get; init; }
    public required string PmsId { get; init; }
    public string? PmsVersion { get; init; }
    public string? PracticeName { get; init; }
    public required IReadOnlyList<SiteCatalogue> Catalogues { get; init; }
    public required PracticeMetadata Metadata { get; init; }
    public required DateTimeOffset EnrichedAt { get; init; }

    /// <summary>Whether it is the one site of its practice that integrators may query.</summary>
    public required bool Authoritative { get; init; }

    /// <summary>Whether its database, machine and PMS ID are the ones an operator knows.</summary>
    public required bool Confirmed { get; init; }

    /// <summary>The minimum that its PMS's version does not reach; null: it does.</summary>
    public string? MinimumVersion { get; init; }

    public string? DatabaseIdentity { get; init; }
    public string? MachineId { get; init; }

    /// <summary>What the Link said of it last.</summary>
    public ReportedSite? Reported { get; init; }

    /// <summary>Whether two sites are of one practice, so that one of them counts.</summary>
    public bool IsOfPractice(SiteRecord other) => PmsId == other.PmsId && PmsName == other.PmsName;

    /// <summary>What it last reported otherwise than the operator knows it, in words; empty: nothing, as things stand.</summary>
    public IReadOnlyList<string> Changes
    {
        get
        {
            var changes = new List<string>();
            if (Reported is not { } reported)
                return changes;
            if (reported.PracticeManagementName != PmsName || reported.PracticeManagementSiteId != PmsId)
                changes.Add($"practice ({reported.PracticeManagementSiteId} of {reported.PracticeManagementName} instead of {PmsId} of {PmsName})");
            if (DatabaseIdentity is not null && reported.DatabaseIdentity is not null && reported.DatabaseIdentity != DatabaseIdentity)
                changes.Add("database");
            if (MachineId is not null && reported.MachineId is not null && reported.MachineId != MachineId)
                changes.Add("machine");
            return changes;
        }
    }

    public DatabaseHealth? Database { get; init; }

    /// <summary>When the database's status was first heard of as it is; null: this run of the service heard of no other.</summary>
    public DateTimeOffset? DatabaseSince { get; init; }

    public DateTimeOffset? HeartbeatAt { get; init; }
    public DateTimeOffset? ClientClockAt { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the Link described it last, or an operator decided about it.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }
}
