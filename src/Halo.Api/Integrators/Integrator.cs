namespace Halo.Api.Integrators;

/// <summary>A customer of the API, as the service holds it in memory. Replaced whole when anything about it changes.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">For people.</param>
/// <param name="Enabled">Whether its keys open anything.</param>
/// <param name="Sites">The sites it is paired with.</param>
public sealed record Integrator(Guid Id, string Name, bool Enabled, IReadOnlySet<Guid> Sites)
{
    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>SHA-256 of its keys, by slot.</summary>
    public required IReadOnlyDictionary<string, byte[]> KeyHashes { get; init; }
}
