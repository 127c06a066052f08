using System.Security.Cryptography;
using Dapper;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Microsoft.IdentityModel.Tokens;

namespace Halo.Api.Links;

/// <summary>The key that signs access tokens: made once, kept in the store wrapped by the master key, so that every node has the same.</summary>
public sealed class SigningKey
{
    const string Purpose = "access-token";

    SigningKey(byte[] key) => Key = new SymmetricSecurityKey(key);

    /// <summary>For HMAC-SHA-256.</summary>
    public SymmetricSecurityKey Key { get; }

    /// <summary>Reads it, making it where there is none; two processes at once end with one.</summary>
    public static async Task<SigningKey> LoadAsync(Database database, MasterKeys keys, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var wrapped = await database.WriteAsync(async transaction =>
        {
            await transaction.Connection!.ExecuteAsync(
                """
                INSERT INTO api_keys (id, purpose, wrapped_key, created_at) VALUES (@id, @Purpose, @wrapped, @at)
                ON CONFLICT (purpose) DO NOTHING
                """,
                new
                {
                    id = Guid.CreateVersion7(now),
                    Purpose,
                    wrapped = keys.WrapSecret(RandomNumberGenerator.GetBytes(32), Purpose),
                    at = now.ToUnixTimeMilliseconds(),
                }, transaction);
            return await transaction.Connection!.QuerySingleAsync<byte[]>(
                "SELECT wrapped_key FROM api_keys WHERE purpose = @Purpose", new { Purpose }, transaction);
        });
        return new SigningKey(keys.UnwrapSecret(wrapped, Purpose));
    }
}
