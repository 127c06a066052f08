using System.Buffers.Text;
using System.Security.Cryptography;
using Dapper;
using Halo.Api.Storage;

namespace Halo.Api.Links;

/// <summary>Single-use nonces: made here, valid 60 s by this service's clock, consumed in the store so that no node takes one twice.</summary>
public sealed class Nonces(Database database, TimeProvider time)
{
    /// <summary>How long a nonce can be used.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    /// <summary>A new nonce; old ones that nobody used go at the same time.</summary>
    public async Task<string> CreateAsync()
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var now = time.GetUtcNow();
        await database.WriteAsync(async transaction =>
        {
            await transaction.Connection!.ExecuteAsync(
                "DELETE FROM nonces WHERE expires_at < @now", new { now = now.ToUnixTimeMilliseconds() }, transaction);
            return await transaction.Connection!.ExecuteAsync(
                "INSERT INTO nonces (nonce, expires_at) VALUES (@nonce, @until)",
                new { nonce, until = (now + Life).ToUnixTimeMilliseconds() }, transaction);
        });
        return nonce;
    }

    /// <summary>Takes the nonce out of the world.</summary>
    /// <returns>Whether it was ours, in time, and not used before.</returns>
    public async Task<bool> ConsumeAsync(string nonce)
    {
        if (nonce.Length is 0 or > 64)
            return false;
        return 1 == await database.CommitAsync(new Statement(
            "DELETE FROM nonces WHERE nonce = @nonce AND expires_at >= @now",
            ("nonce", nonce), ("now", time.GetUtcNow().ToUnixTimeMilliseconds())));
    }
}
