using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sites;

/// <summary>How a site stands with this service, in words for the practice's IT people: what Links are told and both logs say.</summary>
sealed class SiteNoticeBuilder(SiteDirectory sites)
{
    /// <summary>What a Link is told of one of its sites.</summary>
    public SiteNotice Notice(SiteRecord site) => new(site.Id, site.Authoritative, site.Confirmed, Explain(site))
    {
        Refused = site.MinimumVersion is not null,
    };

    /// <summary>All of some sites in one line of the log.</summary>
    public string Explain(IEnumerable<SiteRecord> all) => string.Join("; ", all.Select(s => $"{s.Id}: {Explain(s)}"));

    /// <summary>Whether integrators may query it; and if not, why, and what to do.</summary>
    public string Explain(SiteRecord site) => site switch
    {
        { Status: SiteStatus.Removed } => "An operator removed this site; it gets no queries. Ask the operator if that is a mistake.",
        { Confirmed: false } => $"{Change(site)} It gets no queries until the operator of the Halo API confirms it; tell the operator what was changed at the practice.",
        { Authoritative: false } when sites.OtherOfPractice(site) is { } other =>
            $"Practice {site.PmsId} of {site.PmsName} is served by another site, {other.Id}{(other.Status == SiteStatus.Uninstalled ? ", which was uninstalled" : "")}; this one gets no queries. "
            + $"Where this server takes the place of that one, ask the operator of the Halo API to move authority to site {site.Id}; where it is a spare, nothing is to be done.",
        { Authoritative: false } =>
            $"No site serves practice {site.PmsId} of {site.PmsName} yet, and nothing has proven that this is that practice; it gets no queries. "
            + $"Ask the operator of the Halo API to give authority to site {site.Id}.",
        { MinimumVersion: { } minimum } =>
            $"{site.PmsName} {site.Metadata.PracticeManagementVersion} is older than {minimum}, the oldest version that the Halo API works with. "
            + "This site gets no queries until it is updated; the Link notices that by itself within a day, or when it is started again.",
        _ => $"This site serves practice {site.PmsId} of {site.PmsName}.",
    };

    static string Change(SiteRecord site)
    {
        var changes = site.Changes;
        return changes.Count == 0
            ? "This site reported another database, machine or practice for a while."
            : $"This site is not what it was: another {string.Join(", another ", changes)}.";
    }
}
