using Halo.Api.Basics;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>A person or program that operates the service.</summary>
/// <param name="Name">As it stands in the audit log.</param>
/// <param name="KeyHash">SHA-256 of its key.</param>
/// <param name="CreatedBy">In the words of the audit log.</param>
sealed record Operator(Guid Id, string Name, OperatorRole Role, byte[] KeyHash, DateTimeOffset CreatedAt, string CreatedBy)
{
    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    public KeyUse? LastUse { get; init; }

    public bool HasExpired(DateTimeOffset now) => ExpiresAt is { } end && end <= now;
}
