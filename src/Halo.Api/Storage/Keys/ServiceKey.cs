using System.Data.Common;
using System.Security.Cryptography;

namespace Halo.Api.Storage.Keys;

/// <summary>The service's own keys: each made once, kept in the store wrapped by the master key, so that every node has the same.</summary>
static class ServiceKey
{
    const string Select = "SELECT id, purpose, wrapped_key, created_at FROM api_keys WHERE purpose IN (@purpose, @other)";

    /// <summary>256 bits for one purpose, made where there are none; two processes at once end with one key.</summary>
    public static async Task<byte[]> LoadAsync(Database database, MasterKeys keys, string purpose, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var row = await database.WriteAsync(async t =>
        {
            await t.RunAsync("INSERT INTO api_keys (id, purpose, wrapped_key, created_at) VALUES (@id, @purpose, @wrapped, @at) ON CONFLICT (purpose) DO NOTHING",
                ("id", Guid.CreateVersion7(now)), ("purpose", purpose), ("wrapped", keys.WrapSecret(RandomNumberGenerator.GetBytes(32), purpose)), ("at", now.Ms()));
            return (await FindAsync(t, purpose))!;
        });
        return row.Open(keys);
    }

    /// <summary>The key for a purpose, to be changed in this transaction.</summary>
    public static async Task<StoredServiceKey?> FindAsync(DbTransaction transaction, string purpose) =>
        (await transaction.ReadAsync(Read, Select, ("purpose", purpose), ("other", purpose))).SingleOrDefault();

    /// <summary>The keys for two purposes, as they stand together.</summary>
    public static Task<List<StoredServiceKey>> FindAsync(Database database, string purpose, string other) =>
        database.ReadAsync(Read, Select, ("purpose", purpose), ("other", other));

    static StoredServiceKey Read(DbDataReader row) => new(row.GetGuid(0), row.GetString(1), row.GetFieldValue<byte[]>(2), row.Time(3));
}

/// <summary>One of them, as it is kept.</summary>
sealed record StoredServiceKey(Guid Id, string Purpose, byte[] Wrapped, DateTimeOffset CreatedAt)
{
    /// <exception cref="SealBrokenException">It was changed, or its master key is not configured.</exception>
    public byte[] Open(MasterKeys keys) => keys.UnwrapSecret(Wrapped, Purpose);
}
