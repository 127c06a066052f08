using System.Text.Json.Serialization;

namespace Halo.Cli.Profiles;

/// <summary>What halo login saved.</summary>
/// <param name="Api">The service's address.</param>
/// <param name="Key">The subscription key.</param>
/// <param name="Site">The site that is meant where none is named; null: none.</param>
sealed record Profile(string Api, string Key, string? Site);

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(SortedDictionary<string, Profile>))]
sealed partial class ProfileContext : JsonSerializerContext;
