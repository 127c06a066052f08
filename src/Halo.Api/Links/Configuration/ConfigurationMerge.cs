using System.Text.Json;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Configuration;

/// <summary>What a Link is to run with, out of the default for all and what its sites have of their own.</summary>
/// <remarks>
/// What sites may differ in goes by site: its own value, else the default. What holds for a Link as a whole can be set at a site
/// too; where several of its sites say something, the least counts: the fewest lanes and uploads, the shortest heartbeat, the most
/// talkative log. A site's word, even one alone, goes before the default.
/// </remarks>
static class ConfigurationMerge
{
    /// <summary>What the Link of these sites gets.</summary>
    public static RemoteConfiguration For(StoredConfiguration all, IReadOnlyList<(Guid SiteId, StoredConfiguration? Own)> sites)
    {
        var whole = RemoteSettings.All.Where(s => !s.PerSite)
            .Select(s => (s.Name, Value: Least(s, sites.Select(o => o.Own?.Settings)) ?? Of(all.Settings, s)))
            .Where(v => v.Value is not null).ToDictionary(v => v.Name, v => v.Value!.Value);
        return new(
            sites.Select(s => s.Own?.Version ?? 0).Append(all.Version).Max(), whole,
            [.. sites.Select(s => new SiteConfiguration(s.SiteId, ForSite(all, s.Own))).Where(s => s.Settings.Count > 0)]);
    }

    static Dictionary<string, JsonElement> ForSite(StoredConfiguration all, StoredConfiguration? own) => RemoteSettings.All.Where(s => s.PerSite)
        .Select(s => (s.Name, Value: Of(own?.Settings, s) ?? Of(all.Settings, s)))
        .Where(v => v.Value is not null).ToDictionary(v => v.Name, v => v.Value!.Value);

    static JsonElement? Least(RemoteSetting setting, IEnumerable<IReadOnlyDictionary<string, JsonElement>?> sites) => sites
        .Select(s => Of(s, setting)).OfType<JsonElement>().OrderBy(v => setting.Read(v)).Cast<JsonElement?>().FirstOrDefault();

    static JsonElement? Of(IReadOnlyDictionary<string, JsonElement>? settings, RemoteSetting setting) =>
        settings is not null && settings.TryGetValue(setting.Name, out var value) ? value : null;
}
