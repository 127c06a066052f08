namespace Halo.Api.Links;

/// <summary>An installed agent, as the service holds it in memory.</summary>
public sealed record LinkRecord
{
    public required Guid Id { get; init; }

    /// <summary>Its P-256 public key, base64url coordinates.</summary>
    public required string PublicKeyX { get; init; }
    public required string PublicKeyY { get; init; }
    public required LinkStatus Status { get; init; }
    public required string Version { get; init; }
    public string? MachineId { get; init; }
    public DateTimeOffset? LastHeardAt { get; init; }

    /// <summary>Its last session was closed by itself, in order.</summary>
    public bool ClosedInOrder { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Whether a Link is trusted.</summary>
public enum LinkStatus
{
    /// <summary>It may open sessions.</summary>
    Enrolled,

    /// <summary>It waits for an operator's approval.</summary>
    Waiting,

    /// <summary>An operator took its right away.</summary>
    Revoked,
}
