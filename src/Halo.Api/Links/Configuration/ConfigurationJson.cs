using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Configuration;

/// <summary>Source-generated JSON of remote configuration, in the store and for operators.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(IReadOnlyDictionary<string, JsonElement>))]
[JsonSerializable(typeof(IReadOnlyList<RefusedSetting>))]
[JsonSerializable(typeof(DefaultConfiguration))]
[JsonSerializable(typeof(ConfigurationOfSite))]
sealed partial class ConfigurationJsonContext : JsonSerializerContext;

/// <summary>The types of <see cref="ConfigurationJsonContext"/>, for answers.</summary>
static class ConfigurationJson
{
    /// <summary>Shared by all.</summary>
    public static ConfigurationJsonContext Default { get; } = new(RelaxedJson.From(ConfigurationJsonContext.Default.Options));
}

/// <summary>What all Links are to run with, where their sites say nothing else; and what Links made of it.</summary>
/// <param name="Version">Grows with each change; 0: nothing was ever set.</param>
/// <param name="Settings">By name.</param>
/// <param name="Applied">What each Link last said that it runs: at most as many as <c>limit</c> says, in the order of their ids.</param>
sealed record DefaultConfiguration(
    long Version, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyList<AppliedConfiguration> Applied)
{
    /// <summary>Absent: never.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>Give it as <c>after</c> for the next Links; absent on the last page.</summary>
    public string? Next { get; init; }
}

/// <summary>What a site and its Link are to run with; and what the Link made of it.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Version">Of the site's own settings; 0: it has never had any.</param>
/// <param name="Settings">The site's own.</param>
/// <param name="Effective">What its Link is told for it and as a whole: the site's own, its neighbours' and the default together.</param>
/// <param name="EffectiveVersion">What the Link answers with once it runs that.</param>
sealed record ConfigurationOfSite(
    Guid SiteId, long Version, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyDictionary<string, JsonElement> Effective, long EffectiveVersion)
{
    /// <summary>Absent: never.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>What its Link last said that it runs; absent: nothing yet.</summary>
    public AppliedConfiguration? Applied { get; init; }
}
