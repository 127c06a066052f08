using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Makes and revokes operators. Each change is durable and in force when it returns.</summary>
sealed class OperatorRegistry(Database database, OperatorDirectory directory, AuditLog audit, TimeProvider time)
{
    /// <summary>Operators, revoked ones among them: each call looks among all.</summary>
    public const int Most = 1000;

    /// <summary>So that whoever finds one, as a scanner of repositories, knows what it is.</summary>
    const string KeyPrefix = "haloop_";

    /// <summary>Makes one with a key of 256 random bits, of which SHA-256 alone is kept.</summary>
    public async Task<(NewOperator? Made, NotMade Why)> CreateAsync(string name, OperatorRole role, DateTimeOffset? expiresAt, OperatorDeed deed)
    {
        var now = time.GetUtcNow();
        var made = new NewOperator(Guid.CreateVersion7(now), name, role, KeyPrefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)), expiresAt);
        var why = await database.WriteAsync(async t =>
        {
            if ((await t.ReadAsync(r => r.GetInt64(0), "SELECT COUNT(*) FROM operators"))[0] >= Most)
                return NotMade.TooMany;
            if (await t.RunAsync(
                """
                INSERT INTO operators (id, name, name_key, role, key_hash, created_at, created_by, expires_at)
                VALUES (@id, @name, @key, @role, @hash, @now, @by, @expires) ON CONFLICT (name_key) DO NOTHING
                """,
                ("id", made.Id), ("name", name), ("key", name.ToLowerInvariant()), ("role", WordOf(role)), ("hash", SHA256.HashData(Encoding.UTF8.GetBytes(made.Key))),
                ("now", now.Ms()), ("by", deed.Actor), ("expires", expiresAt?.Ms())) == 0)
                return NotMade.NameTaken;
            await audit.WriteAsync(t, "operator.created", made.Id.ToString(), deed, new JsonObject { ["name"] = name, ["role"] = WordOf(role) });
            return NotMade.None;
        });
        if (why != NotMade.None)
            return (null, why);
        await directory.LoadAsync();
        return (made, NotMade.None);
    }

    /// <summary>Its key opens nothing when this returns. Its name stays taken.</summary>
    /// <returns>False: there is no such operator.</returns>
    public async Task<bool> RevokeAsync(Guid id, OperatorDeed deed)
    {
        if (directory.Find(id) is not { } known)
            return false;
        await database.WriteAsync(async t =>
        {
            if (await t.RunAsync("UPDATE operators SET revoked_at = @now WHERE id = @id AND revoked_at IS NULL", ("id", id), ("now", time.GetUtcNow().Ms())) == 1)
                await audit.WriteAsync(t, "operator.revoked", id.ToString(), deed, new JsonObject { ["name"] = known.Name });
            return true;
        });
        await directory.LoadAsync();
        return true;
    }

    static string WordOf(OperatorRole role) => role.ToString().ToLowerInvariant();
}

/// <summary>Why an operator was not made.</summary>
enum NotMade
{
    None,
    NameTaken,
    TooMany,
}
