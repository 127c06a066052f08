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

    /// <summary>One for each slot.</summary>
    public required IReadOnlyList<IntegratorKey> Keys { get; init; }
}

/// <summary>A key of an integrator.</summary>
/// <param name="Slot">One of <see cref="SubscriptionKey.Slots"/>.</param>
/// <param name="Hash">SHA-256 of it.</param>
/// <param name="LastUse">As the store knew it when this was read: <see cref="IntegratorDirectory.LastUseOf"/> knows it now.</param>
sealed record IntegratorKey(string Slot, byte[] Hash, DateTimeOffset CreatedAt, KeyUse? LastUse)
{
    /// <summary>By which it is looked up; the whole is then compared in constant time.</summary>
    public Guid Prefix { get; } = PrefixOf(Hash);

    /// <summary>The first 16 bytes of a hash.</summary>
    public static Guid PrefixOf(ReadOnlySpan<byte> hash) => new(hash[..16]);
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
