using System.Text.Json;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Configuration;

/// <summary>Settings as an operator gave them, for all Links or for one site.</summary>
/// <param name="Version">Of the whole remote configuration when these were written: no two have the same.</param>
/// <param name="Settings">By name; null: taken away.</param>
/// <param name="UpdatedAt">When they were written; null: never.</param>
sealed record StoredConfiguration(long Version, IReadOnlyDictionary<string, JsonElement>? Settings, DateTimeOffset? UpdatedAt)
{
    /// <summary>Nothing was ever set.</summary>
    public static StoredConfiguration None { get; } = new(0, null, null);
}
