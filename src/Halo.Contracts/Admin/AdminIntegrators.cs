namespace Halo.Contracts.Admin;

/// <summary>An integrator, without its keys.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Enabled">Whether its calls are answered; else 403.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Pairings">Ids of the sites that it may query.</param>
public sealed record AdminIntegrator(Guid Id, string Name, bool Enabled, DateTimeOffset CreatedAt, IReadOnlyList<Guid> Pairings)
{
    /// <summary>From where it may call, as CIDR; empty: from everywhere.</summary>
    public required IReadOnlyList<string> AllowedAddresses { get; init; }

    /// <summary>Names of PMS whose sites it may pair with without a code.</summary>
    public required IReadOnlyList<string> PairWithoutCode { get; init; }

    /// <summary>Requests per second; absent: no limit.</summary>
    public int? RateLimit { get; init; }

    /// <summary>Queries per day, UTC; absent: no limit.</summary>
    public long? Quota { get; init; }

    /// <summary>Its keys: when each was made, and last used. Empty from a service that is older than that.</summary>
    public IReadOnlyList<AdminIntegratorKey> Keys { get; init; } = [];
}

/// <summary>What is known of an integrator's key; never the key itself.</summary>
/// <param name="Slot">primary or secondary.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record AdminIntegratorKey(string Slot, DateTimeOffset CreatedAt)
{
    /// <summary>When it was last used, to the minute; absent: never, as far as is known.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>The address from which it was last used.</summary>
    public string? LastUsedFrom { get; init; }
}

/// <summary>A page of integrators.</summary>
/// <param name="Integrators">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record AdminIntegratorList(IReadOnlyList<AdminIntegrator> Integrators, string? Next);

/// <summary>A new integrator: the only time that its keys are shown.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Keys">Shown this once.</param>
public sealed record NewIntegrator(Guid Id, string Name, KeyPair Keys);

/// <summary>Both keys.</summary>
/// <param name="Primary">One key.</param>
/// <param name="Secondary">The other, so that either can be replaced while the other works.</param>
public sealed record KeyPair(string Primary, string Secondary);

/// <summary>A key that was rotated: the only time it is shown.</summary>
/// <param name="Key">The new key.</param>
public sealed record RotatedKey(string Key);

/// <summary>Asks for an integrator.</summary>
/// <param name="Name">1 to 200 characters; required.</param>
public sealed record CreateIntegratorRequest(string? Name);

/// <summary>Changes an integrator; what is absent stays. Empty lists and 0 take a limit away.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Enabled">Whether its calls are answered.</param>
/// <param name="AllowedAddresses">From where it may call: addresses or ranges as 203.0.113.0/24, at most 200; empty: from everywhere.</param>
/// <param name="PairWithoutCode">Names of PMS whose sites it may pair with without a code, at most 200; never Best Practice.</param>
/// <param name="RateLimit">Requests per second, 1 to 100000; 0: no limit.</param>
/// <param name="Quota">Queries per day, UTC, 1 to 1000000000000; 0: no limit.</param>
public sealed record PatchIntegratorRequest(
    string? Name, bool? Enabled, IReadOnlyList<string>? AllowedAddresses, IReadOnlyList<string>? PairWithoutCode, int? RateLimit, long? Quota);
