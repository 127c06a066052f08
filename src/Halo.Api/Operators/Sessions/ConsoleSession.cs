using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Api.Operators.Sessions;

/// <summary>A browser in which an operator is signed in.</summary>
/// <param name="Token">The cookie's value: 256 random bits.</param>
/// <param name="OperatorId">Null: signed in with the admin key.</param>
sealed record ConsoleSession(string Token, Guid? OperatorId, DateTimeOffset StartedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>What each form of this session carries, and no page of another site can know: an HMAC under the token, so that it need not be kept.</summary>
    public string FormToken { get; } = Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Token), "halo console form"u8));

    /// <summary>Compares in constant time.</summary>
    public bool HasFormToken(string? given) =>
        given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(FormToken));
}
