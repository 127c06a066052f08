using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Admin;
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
