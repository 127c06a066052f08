using System.Security.Cryptography;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Microsoft.IdentityModel.Tokens;

namespace Halo.Api.Links;

/// <summary>The keys that sign access tokens and nonces, the same on every node: the current one, and after a rotation the one before it while tokens of it live.</summary>
sealed class SigningKeys
{
    const string Purpose = "access-token";
    const string PreviousPurpose = "access-token.previous";

    /// <summary>For how long a node may sign with a key that another has replaced.</summary>
    static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(30);

    /// <summary>How often a token by an unknown key, which anybody can send, has the store read.</summary>
    static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);

    static readonly TimeSpan PreviousLife = LinkTokens.Life + 2 * FreshFor;

    readonly Database _database;
    readonly MasterKeys _master;
    readonly TimeProvider _time;
    readonly Lock _lock = new();
    Task _reading = Task.CompletedTask;
    volatile Standing _standing;

    SigningKeys(Database database, MasterKeys master, TimeProvider time, Standing standing) =>
        (_database, _master, _time, _standing) = (database, master, time, standing);

    /// <summary>Signs.</summary>
    public SigningKey Current => _standing.Current;

    /// <summary>Those whose signatures hold, the current one first.</summary>
    public IReadOnlyList<SigningKey> Valid =>
        _standing is { Previous: { } previous } standing && standing.RotatedAt + PreviousLife > _time.GetUtcNow() ? [standing.Current, previous] : [_standing.Current];

    /// <summary>Reads them, making one where there is none.</summary>
    public static async Task<SigningKeys> LoadAsync(Database database, MasterKeys master, TimeProvider time)
    {
        await ServiceKey.LoadAsync(database, master, Purpose, time);
        return new(database, master, time, await ReadAsync(database, master, time));
    }

    /// <summary>Before signing: notices within half a minute that another node or <c>halo-api rewrap</c> has rotated the key.</summary>
    public Task KeepFreshAsync() => RefreshAsync(FreshFor);

    /// <summary>After a signature that does not hold: it may be of a key that is newer than what this node knows.</summary>
    /// <returns>Whether the keys are others now.</returns>
    public async Task<bool> LookAgainAsync()
    {
        var before = _standing;
        await RefreshAsync(LookAgainAfter);
        return _standing.Current.Id != before.Current.Id;
    }

    /// <summary>Makes a new key the current one. Tokens of the one before hold until they expire; of the one before that, no longer.</summary>
    public static async Task RotateAsync(Database database, MasterKeys master, TimeProvider time)
    {
        await ServiceKey.LoadAsync(database, master, Purpose, time);
        var now = time.GetUtcNow();
        await database.WriteAsync(async t =>
        {
            var current = (await ServiceKey.FindAsync(t, Purpose))!;
            await t.RunAsync("DELETE FROM api_keys WHERE purpose = @purpose", ("purpose", PreviousPurpose));
            await t.RunAsync("UPDATE api_keys SET purpose = @previous, wrapped_key = @wrapped WHERE id = @id",
                ("previous", PreviousPurpose), ("wrapped", master.WrapSecret(current.Open(master), PreviousPurpose)), ("id", current.Id));
            return await t.RunAsync("INSERT INTO api_keys (id, purpose, wrapped_key, created_at) VALUES (@id, @purpose, @wrapped, @at)",
                ("id", Guid.CreateVersion7(now)), ("purpose", Purpose),
                ("wrapped", master.WrapSecret(RandomNumberGenerator.GetBytes(32), Purpose)), ("at", now.Ms()));
        });
    }

    Task RefreshAsync(TimeSpan olderThan)
    {
        lock (_lock)
        {
            if (!_reading.IsCompleted || _time.GetElapsedTime(_standing.ReadAt) < olderThan)
                return _reading;
            return _reading = ReadAgainAsync();
        }
    }

    async Task ReadAgainAsync()
    {
        try
        {
            _standing = await ReadAsync(_database, _master, _time);
        }
        catch (Exception e) when (StorageException.Means(e))
        {
            // Those in hand do until the store is back.
        }
    }

    static async Task<Standing> ReadAsync(Database database, MasterKeys master, TimeProvider time)
    {
        var readAt = time.GetTimestamp();
        var rows = await ServiceKey.FindAsync(database, Purpose, PreviousPurpose);
        var current = rows.Single(r => r.Purpose == Purpose);
        var previous = rows.SingleOrDefault(r => r.Purpose == PreviousPurpose);
        return new(new(current.Id, current.Open(master)), previous is null ? null : new(previous.Id, previous.Open(master)), current.CreatedAt, readAt);
    }

    sealed record Standing(SigningKey Current, SigningKey? Previous, DateTimeOffset RotatedAt, long ReadAt);
}

/// <summary>One of them.</summary>
sealed class SigningKey
{
    internal SigningKey(Guid id, byte[] key)
    {
        Id = id;
        Key = new SymmetricSecurityKey(key) { KeyId = id.ToString() };
        NonceKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, key, 32, info: "halo nonce"u8.ToArray());
    }

    /// <summary>Stands in each token, as <c>kid</c>.</summary>
    public Guid Id { get; }

    /// <summary>For HMAC-SHA-256.</summary>
    public SymmetricSecurityKey Key { get; }

    internal byte[] NonceKey { get; }
}
