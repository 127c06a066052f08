using System.Text.Json.Nodes;
using Halo.Link.Settings;

namespace Halo.Link.Configuring;

/// <summary>What <c>halo-link configure</c> was told, by options or in answers: what is null stays as it is.</summary>
sealed record Answers
{
    public string? Api { get; init; }

    public string? EnrolmentToken { get; init; }

    public string? ProxyAddress { get; init; }

    public string? Engine { get; init; }

    public string? ConnectionString { get; init; }

    public string? PracticeManagementName { get; init; }

    public string? PracticeManagementSiteId { get; init; }

    public string? PracticeName { get; init; }

    /// <summary><see cref="Read"/> or <see cref="Write"/>.</summary>
    public string? Policy { get; init; }

    public const string Read = "read";

    public const string Write = "write";

    /// <summary>For a site that may only be read.</summary>
    public static JsonObject ReadPolicy() => new() { ["modes"] = new JsonArray(PolicyModes.Reader, PolicyModes.Scalar), ["readOnly"] = true };

    /// <summary>Puts them into a file. The first site is the one that is meant.</summary>
    public void ApplyTo(SettingsDocument document)
    {
        var hadSite = SettingsDocument.Find(document.Settings, "sites") is JsonArray { Count: > 0 };
        Set("api", Api);
        Set("enrolmentToken", EnrolmentToken);
        Set("proxy.address", ProxyAddress);
        Set("sites[0].engine", Engine);
        Set("sites[0].connectionString", ConnectionString);
        Set("sites[0].practiceManagementName", PracticeManagementName);
        Set("sites[0].practiceManagementSiteId", PracticeManagementSiteId);
        Set("sites[0].practiceName", PracticeName);
        // A new site may be read and nothing else, unless somebody says so.
        var hasSite = Engine is not null || ConnectionString is not null || PracticeManagementName is not null || PracticeManagementSiteId is not null;
        if ((Policy ?? (!hadSite && hasSite ? Read : null)) is not { } policy)
            return;
        if (policy == Read)
        {
            foreach (var (name, value) in ReadPolicy())
                document.Set(SettingsPath.Parse($"sites[0].policy.default.{name}"), value?.DeepClone());
        }
        else
        {
            document.Remove(SettingsPath.Parse("sites[0].policy.default.modes"));
            document.Set(SettingsPath.Parse("sites[0].policy.default.readOnly"), false);
        }

        void Set(string path, string? value)
        {
            if (value is not null)
                document.Set(SettingsPath.Parse(path), value);
        }
    }
}
