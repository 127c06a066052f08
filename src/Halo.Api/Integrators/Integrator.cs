using System.Net;
using Halo.Api.Basics;
using Halo.Contracts.Sites;

namespace Halo.Api.Integrators;

/// <summary>A customer of the API, as the service holds it in memory. Replaced whole when anything about it changes.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">For people.</param>
/// <param name="Enabled">Whether its keys open anything.</param>
/// <param name="Sites">The sites it is paired with.</param>
sealed record Integrator(Guid Id, string Name, bool Enabled, IReadOnlySet<Guid> Sites)
{
    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>What an operator has set for it.</summary>
    public required IntegratorRules Rules { get; init; }

    /// <summary>SHA-256 of its keys, by slot.</summary>
    public required IReadOnlyDictionary<string, byte[]> KeyHashes { get; init; }
}

/// <summary>What an operator has set for an integrator.</summary>
/// <param name="AllowedAddresses">From where it may call; empty: from everywhere.</param>
/// <param name="PairWithoutCode">Names of PMS whose sites it may pair with without a code.</param>
/// <param name="RateLimit">Requests per second; null: no limit.</param>
/// <param name="Quota">Queries per day, UTC; null: no limit.</param>
sealed record IntegratorRules(IReadOnlyList<IPNetwork> AllowedAddresses, IReadOnlyList<string> PairWithoutCode, int? RateLimit, long? Quota)
{
    /// <summary>Of a new integrator.</summary>
    public static IntegratorRules None { get; } = new([], [], null, null);

    /// <summary>Whether a call from there is let in.</summary>
    public bool Allows(IPAddress? address) =>
        AllowedAddresses.Count == 0 || address is not null && AllowedAddresses.Any(range => range.Contains(AddressRange.Plain(address)));

    /// <summary>Whether sites of this PMS can be paired with without a code.</summary>
    public bool PairsWithoutCode(string pmsName) =>
        PairWithoutCode.Any(name => PmsNames.TypeOf(name).Equals(PmsNames.TypeOf(pmsName), StringComparison.OrdinalIgnoreCase));
}
