using System.Text.Json.Nodes;
using Halo.Link.Settings;

namespace Halo.Link.Configuring;

/// <summary>What practices allow while a file of settings is merged: a list of sites that says nothing of policies must not open what was closed.</summary>
sealed class SitePolicies
{
    readonly Dictionary<string, JsonNode?> _known = new(StringComparer.OrdinalIgnoreCase);

    SitePolicies(SettingsDocument document)
    {
        foreach (var site in SitesOf(document))
            _known.TryAdd(KeyOf(site), Find(site, "policy")?.DeepClone());
    }

    /// <summary>Merges settings; a known site without a policy keeps the one that it had, a new one may only be read.</summary>
    public static void Merge(SettingsDocument document, JsonObject settings)
    {
        var before = new SitePolicies(document);
        document.Merge(settings);
        if (settings.Any(p => string.Equals(p.Key, "sites", StringComparison.OrdinalIgnoreCase)))
            before.Restore(document);
    }

    void Restore(SettingsDocument document)
    {
        var sites = SitesOf(document);
        for (var i = 0; i < sites.Count; i++)
        {
            if (Find(sites[i], "policy") is not (null or JsonObject { Count: 0 }))
                continue;
            if (!_known.TryGetValue(KeyOf(sites[i]), out var policy))
                policy = new JsonObject { ["default"] = new JsonObject { ["modes"] = new JsonArray(PolicyModes.Reader, PolicyModes.Scalar), ["readOnly"] = true } };
            if (policy is not null)
                document.Set(SettingsPath.Parse($"sites[{i}].policy"), policy.DeepClone());
        }
    }

    /// <summary>As the API knows a practice: its software, and its id there.</summary>
    static string KeyOf(JsonObject site) => $"{Find(site, "practiceManagementName")?.ToJsonString()} {Find(site, "practiceManagementSiteId")?.ToJsonString()}";

    // What is no object is a fault, which is found when the file is checked.
    static List<JsonObject> SitesOf(SettingsDocument document) =>
        Find(document.Settings, "sites") is JsonArray sites ? [.. sites.TakeWhile(s => s is JsonObject).Select(s => s!.AsObject())] : [];

    static JsonNode? Find(JsonObject settings, string name) => settings.FirstOrDefault(p => string.Equals(p.Key, name, StringComparison.OrdinalIgnoreCase)).Value;
}
