using System.Security.Cryptography;
using System.Text;
using Halo.Api.Errors;
using Microsoft.Extensions.Primitives;

namespace Halo.Api.Queries.Idempotency;

/// <summary>A request that must not be carried out twice.</summary>
/// <param name="Key">The caller's own name of it.</param>
/// <param name="Hash">SHA-256 of method, path with query string, and body.</param>
sealed record IdempotentRequest(Guid IntegratorId, string Key, byte[] Hash)
{
    /// <summary>What the Link keeps of the key.</summary>
    public byte[] KeyHash { get; } = LinkProtocol.Messages.KeyHash.Of(IntegratorId, Key);

    public const string Header = "Idempotency-Key", Parameter = "idempotencyKey";

    public const int LongestKey = 128;

    /// <summary>The key of a request, if it has one, or why it is none.</summary>
    public static (string? Key, Refusal? Refusal) KeyOf(HttpRequest request) => KeyOf(request.Headers[Header], Header);

    /// <summary>The key that a request names as a query parameter, where it has to.</summary>
    public static (string? Key, Refusal? Refusal) NamedBy(HttpRequest request)
    {
        var (key, refusal) = KeyOf(request.Query[Parameter], Parameter);
        return key is null && refusal is null ? (null, Refusal.Invalid(Parameter, $"is required, as a query parameter: the {Header} of the query.")) : (key, refusal);
    }

    static (string? Key, Refusal? Refusal) KeyOf(StringValues values, string place) =>
        values.Count == 0 ? (null, null)
        : values is [{ Length: >= 1 and <= LongestKey } key] ? (key, null)
        : (null, Refusal.Invalid(place, $"must be one text of 1 to {LongestKey} characters."));

    public static IdempotentRequest Of(Guid integratorId, string key, HttpRequest request, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // No method, path or query string has a line break, so the three cannot run into each other.
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method}\n{request.PathBase}{request.Path}{request.QueryString}\n"));
        hash.AppendData(body);
        return new(integratorId, key, hash.GetHashAndReset());
    }
}
