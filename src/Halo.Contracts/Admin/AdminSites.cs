using Halo.Contracts.Sites;

namespace Halo.Contracts.Admin;

/// <summary>A site as operators see it: what integrators see, and which Link serves it.</summary>
public sealed record AdminSite : Site
{
    /// <summary>The Link GUID.</summary>
    public Guid LinkId { get; init; }

    /// <summary>Whether its database, machine and PMS ID are the ones an operator knows.</summary>
    public bool Confirmed { get; init; }

    /// <summary>While it waits for confirmation: what it says that it is now.</summary>
    public ReportedSite? Reported { get; init; }
}

/// <summary>A page of sites.</summary>
/// <param name="Sites">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record AdminSiteList(IReadOnlyList<AdminSite> Sites, string? Next);

/// <summary>Which practice, database and machine a site last said it was.</summary>
/// <param name="PracticeManagementName">The PMS's name.</param>
/// <param name="PracticeManagementSiteId">The PMS vendor's own id of the practice.</param>
/// <param name="DatabaseIdentity">The database's own identity, where it has one.</param>
/// <param name="MachineId">The machine's, where it has one.</param>
public sealed record ReportedSite(string PracticeManagementName, string PracticeManagementSiteId, string? DatabaseIdentity, string? MachineId);

/// <summary>Beside a decision about a site.</summary>
/// <param name="CopyPairings">With authority alone: take the pairings of the old site along.</param>
/// <param name="Reason">For the audit log.</param>
public sealed record SiteDecisionRequest(bool? CopyPairings, string? Reason);
