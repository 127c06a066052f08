using Halo.Link.Files;
using Halo.Link.Sites;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>Puts changed sites in the place of those that run.</summary>
sealed partial class SiteReload(
    LocalSites sites, DataDirectory directory, PracticeDirectory practices, SiteAnnouncements announcements, SiteFactory create,
    TimeProvider time, ILogger<SiteReload> log)
{
    /// <summary>
    /// Looks at the new databases, tells the API, and serves them when it has judged: a database that is another one gets no query
    /// before the API knows.
    /// </summary>
    /// <returns>Whether anything changed.</returns>
    public async Task<bool> ApplyAsync(IReadOnlyList<SiteSettings> wanted, CancellationToken stop)
    {
        var (_, ids) = LinkIdentity.Load(directory, wanted, time);
        var before = sites.All.ToDictionary(s => s.Id);
        var next = wanted.Select((settings, i) => Keep(before.GetValueOrDefault(ids[i]), settings) ?? create(ids[i], settings)).ToList();
        if (next.Count == before.Count && next.All(s => before.ContainsValue(s)))
            return false;
        foreach (var site in next.Where(s => !before.ContainsValue(s)))
            LogSite(site.Id, before.ContainsKey(site.Id) ? "changed" : "served from now on");
        foreach (var gone in before.Keys.Except(ids))
            LogSite(gone, "no more served; put back into the configuration, it has the same id");
        sites.Announce(next);
        await practices.ReadAsync(announcements.TellAsync, stop);
        practices.LookAgain();
        await sites.ServeAsync();
        return true;
    }

    static LocalSite? Keep(LocalSite? site, SiteSettings settings) => site is { Settings.Text: { } text } && text == settings.Text ? site : null;

    [LoggerMessage(2035, LogLevel.Information, "By its configuration, site {SiteId} is {What}.")]
    partial void LogSite(Guid siteId, string what);
}
