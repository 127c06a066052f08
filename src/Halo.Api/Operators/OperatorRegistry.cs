using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Makes, changes and revokes operators. Each change is durable and in force when it returns.</summary>
sealed class OperatorRegistry(Database database, OperatorDirectory directory, AuditLog audit, TimeProvider time)
{
    /// <summary>Operators that are not revoked.</summary>
    public const int MaxOperators = 1000;

    /// <summary>So that whoever finds one, as a scanner of repositories, knows what it is.</summary>
    const string KeyPrefix = "haloop_";

    /// <summary>One change at a time.</summary>
    readonly KeyedLock _changing = new();

    /// <summary>Makes one with a key of 256 random bits, of which SHA-256 alone is kept.</summary>
    public async Task<(NewOperator? Made, CreateOperatorFailure Failure)> CreateAsync(string name, OperatorRole role, DateTimeOffset? expiresAt, OperatorDeed deed)
    {
        using var alone = await EnterAsync(deed);
        if (directory.All.Count(o => o.RevokedAt is null) >= MaxOperators)
            return (null, CreateOperatorFailure.TooMany);
        var (now, key) = (time.GetUtcNow(), NewKey());
        var made = new Operator(Guid.CreateVersion7(now), name, role, HashOf(key), now, deed.Actor) { ExpiresAt = expiresAt };
        var isMade = await ChangeAsync(made, async t =>
        {
            if (await t.RunAsync(
                """
                INSERT INTO operators (id, name, name_key, role, key_hash, created_at, created_by, expires_at)
                VALUES (@id, @name, @key, @role, @hash, @now, @by, @expires) ON CONFLICT (name_key) DO NOTHING
                """,
                ("id", made.Id), ("name", name), ("key", OperatorNames.KeyOf(name)), ("role", WordOf(role)), ("hash", made.KeyHash),
                ("now", now.Ms()), ("by", deed.Actor), ("expires", expiresAt?.Ms())) == 0)
                return false;
            await audit.WriteAsync(t, "operator.created", made.Id.ToString(), deed, ToDetail(made));
            return true;
        });
        return isMade ? (new(made.Id, name, role, key, expiresAt), CreateOperatorFailure.None) : (null, CreateOperatorFailure.NameTaken);
    }

    /// <summary>Changes role and end. What is null stays.</summary>
    /// <returns>Null: there is no such operator, or it was revoked.</returns>
    public async Task<Operator?> ChangeAsync(Guid id, OperatorRole? role, DateTimeOffset? expiresAt, OperatorDeed deed)
    {
        using var alone = await EnterAsync(deed);
        if (directory.Find(id) is not { RevokedAt: null } before)
            return null;
        var after = before with { Role = role ?? before.Role, ExpiresAt = expiresAt ?? before.ExpiresAt };
        await ChangeAsync(after, async t =>
        {
            await t.RunAsync("UPDATE operators SET role = @role, expires_at = @expires WHERE id = @id", ("id", id), ("role", WordOf(after.Role)), ("expires", after.ExpiresAt?.Ms()));
            await audit.WriteAsync(t, "operator.changed", id.ToString(), deed, new JsonObject { ["before"] = ToDetail(before), ["after"] = ToDetail(after) });
            return true;
        });
        return after;
    }

    /// <summary>Replaces the key; the old one does nothing any more when this returns.</summary>
    /// <returns>The new key; null: there is no such operator, or it was revoked.</returns>
    public async Task<string?> RotateAsync(Guid id, OperatorDeed deed)
    {
        using var alone = await EnterAsync(deed);
        if (directory.Find(id) is not { RevokedAt: null } before)
            return null;
        var key = NewKey();
        var after = before with { KeyHash = HashOf(key) };
        await ChangeAsync(after, async t =>
        {
            await t.RunAsync("UPDATE operators SET key_hash = @hash WHERE id = @id", ("id", id), ("hash", after.KeyHash));
            await audit.WriteAsync(t, "operator.key-rotated", id.ToString(), deed, ToDetail(after));
            return true;
        });
        return key;
    }

    /// <summary>Its key does nothing any more when this returns. Its name stays taken.</summary>
    /// <returns>False: there is no such operator.</returns>
    public async Task<bool> RevokeAsync(Guid id, OperatorDeed deed)
    {
        using var alone = await EnterAsync(deed);
        if (directory.Find(id) is not { } before)
            return false;
        if (before.RevokedAt is not null)
            return true;
        var now = time.GetUtcNow();
        return await ChangeAsync(before with { RevokedAt = now }, async t =>
        {
            await t.RunAsync("UPDATE operators SET revoked_at = @now WHERE id = @id", ("id", id), ("now", now.Ms()));
            await audit.WriteAsync(t, "operator.revoked", id.ToString(), deed, ToDetail(before));
            return true;
        });
    }

    /// <summary>Waits for its turn. Whoever was revoked in the turn before changes nothing any more.</summary>
    /// <exception cref="RefusedException">The caller is no valid owner any more.</exception>
    async Task<IDisposable> EnterAsync(OperatorDeed deed)
    {
        var turn = await _changing.LockAsync(Guid.Empty);
        if (deed.Id is not { } by || directory.FindValid(by) is { Role: OperatorRole.Owner })
            return turn;
        turn.Dispose();
        throw new RefusedException(OperatorCaller.KeyEnded);
    }

    /// <summary>Stores a change and takes it over. Where it is not known whether it was stored, what is there is read again.</summary>
    async Task<bool> ChangeAsync(Operator after, Func<System.Data.Common.DbTransaction, Task<bool>> change)
    {
        try
        {
            if (!await database.WriteAsync(change))
                return false;
        }
        catch
        {
            await directory.LoadAsync();
            throw;
        }
        directory.Put(after);
        return true;
    }

    static JsonObject ToDetail(Operator known) => new()
    {
        ["name"] = known.Name,
        ["role"] = WordOf(known.Role),
        ["expiresAt"] = known.ExpiresAt?.ToString("o", CultureInfo.InvariantCulture),
    };

    static string NewKey() => KeyPrefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    static string WordOf(OperatorRole role) => role.ToString().ToLowerInvariant();
}

/// <summary>Why an operator was not made.</summary>
enum CreateOperatorFailure
{
    None,
    NameTaken,
    TooMany,
}
