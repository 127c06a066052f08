using System.Security.Cryptography;
using Dapper;

namespace Halo.Api.Storage.Keys;

/// <summary>The service's own keys: each made once, kept in the store wrapped by the master key, so that every node has the same.</summary>
static class ServiceKey
{
    /// <summary>256 bits for one purpose, made where there are none; two processes at once end with one key.</summary>
    public static async Task<byte[]> LoadAsync(Database database, MasterKeys keys, string purpose, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var wrapped = await database.WriteAsync(async transaction =>
        {
            await transaction.Connection!.ExecuteAsync(
                """
                INSERT INTO api_keys (id, purpose, wrapped_key, created_at) VALUES (@id, @purpose, @wrapped, @at)
                ON CONFLICT (purpose) DO NOTHING
                """,
                new
                {
                    id = Guid.CreateVersion7(now),
                    purpose,
                    wrapped = keys.WrapSecret(RandomNumberGenerator.GetBytes(32), purpose),
                    at = now.ToUnixTimeMilliseconds(),
                }, transaction);
            return await transaction.Connection!.QuerySingleAsync<byte[]>(
                "SELECT wrapped_key FROM api_keys WHERE purpose = @purpose", new { purpose }, transaction);
        });
        return keys.UnwrapSecret(wrapped, purpose);
    }
}
