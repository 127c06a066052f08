using System.Text.Json.Nodes;
using Halo.Link.Settings;

namespace Halo.Link.Configuring;

/// <summary>What practices allow while a list of sites is replaced: one that says nothing of policies must not open what was closed.</summary>
sealed class SitePolicies
{
    readonly Dictionary<string, JsonNode?> _known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Remembers them, before the document is changed.</summary>
    public SitePolicies(SettingsDocument document)
    {
        foreach (var site in SitesOf(document))
            _known.TryAdd(KeyOf(site), SettingsDocument.Find(site, "policy")?.DeepClone());
    }

    /// <summary>Merges settings, and what is changed after them; a known site without a policy keeps the one that it had, a new one may only be read.</summary>
    public static void Merge(SettingsDocument document, JsonObject settings, Action<SettingsDocument>? then = null)
    {
        var before = new SitePolicies(document);
        document.Merge(settings);
        var hasSites = SettingsDocument.Find(settings, "sites") is not null;
        // That may change a policy, and name the practice whose policy it is: so once before and once after.
        if (hasSites)
            before.Restore(document, closesNew: false);
        then?.Invoke(document);
        if (hasSites)
            before.Restore(document);
    }

    /// <summary>Gives each site without a policy the one that it had.</summary>
    /// <param name="closesNew">A new one may only be read.</param>
    public void Restore(SettingsDocument document, bool closesNew = true)
    {
        var sites = SitesOf(document);
        for (var i = 0; i < sites.Count; i++)
        {
            if (SettingsDocument.Find(sites[i], "policy") is not (null or JsonObject { Count: 0 }))
                continue;
            var policy = _known.TryGetValue(KeyOf(sites[i]), out var known) ? known : closesNew ? new JsonObject { ["default"] = Answers.ReadPolicy() } : null;
            if (policy is not null)
                document.Set(SettingsPath.Parse($"sites[{i}].policy"), policy.DeepClone());
        }
    }

    /// <summary>As the API knows a practice: its software, and its id there.</summary>
    static string KeyOf(JsonObject site) => $"{SettingsDocument.Find(site, "practiceManagementName")?.ToJsonString()} {SettingsDocument.Find(site, "practiceManagementSiteId")?.ToJsonString()}";

    // What is no object is a fault, which is found when the file is checked.
    static List<JsonObject> SitesOf(SettingsDocument document) =>
        SettingsDocument.Find(document.Settings, "sites") is JsonArray sites ? [.. sites.TakeWhile(s => s is JsonObject).Select(s => s!.AsObject())] : [];
}
