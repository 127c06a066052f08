using System.Collections.Frozen;
using System.Data;
using System.Data.Common;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Every operator in memory, so that no call reads the store to know who is calling.</summary>
sealed class OperatorDirectory(Database database, TimeProvider time)
{
    const int LongestKey = 128;

    readonly Lock _lock = new();
    readonly KeyUses _uses = new(time);
    FrozenDictionary<Guid, Operator> _all = FrozenDictionary<Guid, Operator>.Empty;

    // By the first 16 bytes of the hash; the whole is then compared in constant time.
    FrozenDictionary<Guid, Operator> _byKey = FrozenDictionary<Guid, Operator>.Empty;

    /// <summary>All, oldest first, revoked ones among them.</summary>
    public IEnumerable<Operator> All => Volatile.Read(ref _all).Values.OrderBy(o => o.CreatedAt).ThenBy(o => o.Id).Select(WithUse);

    /// <summary>Whether there is one whose key works.</summary>
    public bool HasAny => Volatile.Read(ref _byKey).Values.Any(o => !o.HasExpired(time.GetUtcNow()));

    /// <summary>One by id.</summary>
    public Operator? Find(Guid id) => Volatile.Read(ref _all).TryGetValue(id, out var found) ? WithUse(found) : null;

    /// <summary>One by id, whose key is neither revoked nor expired.</summary>
    public Operator? FindValid(Guid id) => Find(id) is { RevokedAt: null } found && !found.HasExpired(time.GetUtcNow()) ? found : null;

    /// <summary>Whose key it is; null where it is nobody's, or was revoked. It may have expired.</summary>
    public Operator? Authenticate(string key)
    {
        if (key.Length > LongestKey)
            return null;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        return Volatile.Read(ref _byKey).TryGetValue(PrefixOf(hash), out var found) && CryptographicOperations.FixedTimeEquals(found.KeyHash, hash) ? found : null;
    }

    /// <summary>A key that is valid was used.</summary>
    public void RecordUse(Operator by, IPAddress? from)
    {
        if (_uses.Record(by.Id, by.LastUse, from) is { } use)
            database.CommitLater(("operators", by.Id), new("UPDATE operators SET last_used_at = @at, last_used_from = @from WHERE id = @id", ("id", by.Id), ("at", use.At.Ms()), ("from", use.From)));
    }

    /// <summary>Reads all, at start, and where it is not known what was stored.</summary>
    public async Task LoadAsync()
    {
        var all = await database.ReadAsync(Read,
            "SELECT id, name, role, key_hash, created_at, created_by, expires_at, revoked_at, last_used_at, last_used_from FROM operators");
        // One of a newer program's roles may do nothing here.
        lock (_lock)
            Publish(all.OfType<Operator>());
    }

    /// <summary>Takes over one that was made or changed; it counts when this returns.</summary>
    public void Put(Operator changed)
    {
        lock (_lock)
            Publish(_all.Values.Where(o => o.Id != changed.Id).Append(changed));
    }

    void Publish(IEnumerable<Operator> operators)
    {
        var all = operators.ToFrozenDictionary(o => o.Id);
        Volatile.Write(ref _all, all);
        Volatile.Write(ref _byKey, all.Values.Where(o => o.RevokedAt is null).ToFrozenDictionary(o => PrefixOf(o.KeyHash)));
    }

    Operator WithUse(Operator known) => _uses.Of(known.Id) is { } use ? known with { LastUse = use } : known;

    static Guid PrefixOf(byte[] hash) => new(hash.AsSpan(0, 16));

    static Operator? Read(DbDataReader r) => !Enum.TryParse<OperatorRole>(r.GetString("role"), ignoreCase: true, out var role) ? null
        : new(r.GetGuid("id"), r.GetString("name"), role, r.GetFieldValue<byte[]>("key_hash"), r.Time("created_at"), r.GetString("created_by"))
        {
            ExpiresAt = r.TimeOrNull(6),
            RevokedAt = r.TimeOrNull(7),
            LastUse = r.TimeOrNull(8) is { } at ? new(at, r.StringOrNull(9)) : null,
        };
}
