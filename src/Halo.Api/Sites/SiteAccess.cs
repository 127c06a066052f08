using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Whether an integrator may reach a site now, and if not, why and what to do: one rule for every route.</summary>
sealed class SiteAccess(SiteDirectory sites)
{
    /// <summary>The site, where it exists; integrators may look at any site whose id they know.</summary>
    public (SiteRecord? Site, Refusal? Refusal) Find(string siteId) =>
        Guid.TryParse(siteId, out var id) ? Find(id) : (null, Unknown(siteId));

    /// <summary>The site, where the caller may, at this moment, look at its own queries there: it has to be paired.</summary>
    public (SiteRecord? Site, Refusal? Refusal) ForReading(IntegratorCaller caller, string siteId) =>
        Guid.TryParse(siteId, out var id) ? ForReading(caller, id) : (null, caller.Find().Refusal ?? Unknown(siteId));

    /// <inheritdoc cref="ForReading(IntegratorCaller, string)"/>
    public (SiteRecord? Site, Refusal? Refusal) ForReading(IntegratorCaller caller, Guid siteId)
    {
        var (integrator, unknown) = caller.Find();
        if (integrator is null)
            return (null, unknown);
        var (site, refusal) = Find(siteId);
        if (site is not null && !integrator.Sites.Contains(site.Id))
        {
            return (null, new Refusal(403, ErrorCodes.NotPaired,
                $"You are not paired with site {site.Id}. Pair with it by POST /integrator/pair-site and a pairing code made at the practice."));
        }
        return (site, refusal);
    }

    /// <summary>The site, where the caller may query it at this moment.</summary>
    public (SiteRecord? Site, Refusal? Refusal) ForQuery(IntegratorCaller caller, string siteId) => JudgeForQuery(ForReading(caller, siteId));

    /// <inheritdoc cref="ForQuery(IntegratorCaller, string)"/>
    public (SiteRecord? Site, Refusal? Refusal) ForQuery(IntegratorCaller caller, Guid siteId) => JudgeForQuery(ForReading(caller, siteId));

    static (SiteRecord? Site, Refusal? Refusal) JudgeForQuery((SiteRecord? Site, Refusal? Refusal) read)
    {
        var (site, refusal) = read;
        return site switch
        {
            null => (null, refusal),
            { Status: SiteStatus.Removed } => (null, new Refusal(403, ErrorCodes.SiteRemoved,
                $"Site {site.Id} was removed by the operator of this service. Look the practice up again with GET /integrator/sites.")),
            { Status: SiteStatus.Uninstalled } => (null, new Refusal(403, ErrorCodes.SiteUninstalled,
                $"The practice uninstalled Halo Link, or took site {site.Id} out of it. If the practice set it up anew, look it up again with GET /integrator/sites; "
                + "if it is installed again with its old data, this id works again.")),
            { Authoritative: false } => (null, new Refusal(403, ErrorCodes.NotAuthoritative,
                $"Site {site.Id} is not, or no longer, the authoritative one of its practice. Look the practice up again with GET /integrator/sites.")),
            { Confirmed: false } => (null, new Refusal(403, ErrorCodes.NotConfirmed,
                $"Site {site.Id} waits for an operator's confirmation: its database, machine or practice id changed. Ask the operator of this service.")),
            { MinimumVersion: not null } => (null, new Refusal(403, ErrorCodes.VersionTooOld,
                $"{VersionWords(site)} It gets no queries until the practice has updated its system.")),
            _ => (site, null),
        };
    }

    /// <summary>That its PMS is too old, with both versions.</summary>
    public static string VersionWords(SiteRecord site) =>
        $"{site.PmsName} {site.Metadata.PracticeManagementVersion} of site {site.Id} is older than {site.MinimumVersion}, the oldest version that this service works with.";

    /// <inheritdoc cref="Find(string)"/>
    public (SiteRecord? Site, Refusal? Refusal) Find(Guid id) => sites.Find(id) is { } site ? (site, null) : (null, Unknown(id.ToString()));

    static Refusal Unknown(string siteId) => Refusal.NotFound($"Site {Shorten(siteId)} was not found. GET /integrator/sites finds a practice's site by its id.");

    static string Shorten(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 64), "…");
}
