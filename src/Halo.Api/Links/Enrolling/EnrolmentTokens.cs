using System.Buffers.Text;
using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Links.Enrolling;

/// <summary>Tokens by which new Links may enrol: 256 random bits, shown once, kept as SHA-256, with an end and a number of uses.</summary>
sealed class EnrolmentTokens(Database database, AuditLog audit, TimeProvider time)
{
    /// <summary>How long a token is listed after its end.</summary>
    static readonly TimeSpan ListedFor = TimeSpan.FromDays(90);

    /// <summary>Makes one.</summary>
    public async Task<NewEnrolmentToken> CreateAsync(CreateEnrolmentTokenRequest asked, OperatorDeed deed)
    {
        var now = time.GetUtcNow();
        var token = new NewEnrolmentToken(Guid.CreateVersion7(now), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)),
            now + TimeSpan.FromMinutes(asked.ExpiresInMinutes ?? 60));
        await database.WriteAsync(async transaction =>
        {
            await transaction.RunAsync(
                """
                INSERT INTO enrolment_tokens (id, token_hash, uses, uses_left, pms_name, pms_id, expires_at, created_at, created_by)
                VALUES (@id, @hash, @uses, @uses, @name, @practice, @until, @now, @by)
                """,
                ("id", token.Id), ("hash", HashOf(token.Token)), ("uses", asked.Uses ?? 1), ("name", asked.PracticeManagementName),
                ("practice", asked.PracticeManagementSiteId), ("until", token.ExpiresAt.Ms()), ("now", now.Ms()), ("by", deed.Actor));
            await transaction.RunAsync("DELETE FROM enrolment_tokens WHERE expires_at < @before", ("before", (now - ListedFor).Ms()));
            await audit.WriteAsync(transaction, "enrolment-token.created", token.Id.ToString(), deed, new JsonObject
            {
                ["practice"] = PracticeOf(asked.PracticeManagementName, asked.PracticeManagementSiteId),
                ["uses"] = asked.Uses ?? 1,
                ["expiresAt"] = token.ExpiresAt.ToString("o", CultureInfo.InvariantCulture),
            });
            return 0;
        });
        return token;
    }

    /// <summary>Some of them, without the tokens themselves, oldest first.</summary>
    /// <param name="state">Only these; null: all.</param>
    /// <param name="after">Only what comes after this one; null: from the beginning.</param>
    public async Task<IReadOnlyList<AdminEnrolmentToken>> ListAsync(EnrolmentTokenState? state, Guid? after, int limit)
    {
        var now = time.GetUtcNow();
        return await database.ReadAsync(r => Read(r, now),
            $"""
            SELECT id, uses_left, created_at, expires_at, uses, created_by, pms_name, pms_id, revoked_at FROM enrolment_tokens
            WHERE expires_at >= @before AND {Condition(state)} {(after is null ? "" : "AND (created_at, id) > (SELECT t.created_at, t.id FROM enrolment_tokens t WHERE t.id = @after)")}
            ORDER BY created_at, id LIMIT @limit
            """,
            [("limit", limit), ("before", (now - ListedFor).Ms()), .. state is EnrolmentTokenState.Usable or EnrolmentTokenState.Expired ? [("now", now.Ms())] : Array.Empty<(string, object?)>(), .. after is null ? Array.Empty<(string, object?)>() : [("after", after)]]);
    }

    /// <summary>No Link enrols with it when this returns. A token that is revoked already stays so.</summary>
    /// <returns>False: there is no such token.</returns>
    public Task<bool> RevokeAsync(Guid id, OperatorDeed deed) => database.WriteAsync(async transaction =>
    {
        var now = time.GetUtcNow();
        if ((await transaction.ReadAsync(r => Read(r, now),
            $"SELECT id, uses_left, created_at, expires_at, uses, created_by, pms_name, pms_id, revoked_at FROM enrolment_tokens WHERE id = @id{database.ForUpdate}", ("id", id))) is not [var before])
            return false;
        if (await transaction.RunAsync("UPDATE enrolment_tokens SET revoked_at = @now WHERE id = @id AND revoked_at IS NULL", ("id", id), ("now", now.Ms())) == 1)
        {
            await audit.WriteAsync(transaction, "enrolment-token.revoked", id.ToString(), deed, new JsonObject
            {
                ["practice"] = PracticeOf(before.PracticeManagementName, before.PracticeManagementSiteId),
                ["usesLeft"] = before.UsesLeft,
                ["expiresAt"] = before.ExpiresAt.ToString("o", CultureInfo.InvariantCulture),
            });
        }
        return true;
    });

    /// <summary>The practice that a token names, where it can still be used.</summary>
    public static async Task<TokenPractice?> FindAsync(DbTransaction transaction, string token, DateTimeOffset now) => (await transaction.ReadAsync(
        r => new TokenPractice(r.GetGuid(0), r.StringOrNull(1), r.StringOrNull(2)),
        $"SELECT id, pms_name, pms_id FROM enrolment_tokens WHERE token_hash = @hash AND {Condition(EnrolmentTokenState.Usable)}",
        ("hash", HashOf(token)), ("now", now.Ms()))).SingleOrDefault();

    /// <summary>Spends one use of it.</summary>
    /// <returns>False: it has none left, or is over.</returns>
    public static async Task<bool> SpendAsync(DbTransaction transaction, string token, DateTimeOffset now) => await transaction.RunAsync(
        $"UPDATE enrolment_tokens SET uses_left = uses_left - 1 WHERE token_hash = @hash AND {Condition(EnrolmentTokenState.Usable)}",
        ("hash", HashOf(token)), ("now", now.Ms())) == 1;

    /// <summary>The same as <see cref="StateOf"/>, in SQL.</summary>
    static string Condition(EnrolmentTokenState? state) => state switch
    {
        null => "TRUE",
        EnrolmentTokenState.Revoked => "revoked_at IS NOT NULL",
        EnrolmentTokenState.Spent => "revoked_at IS NULL AND uses_left <= 0",
        EnrolmentTokenState.Expired => "revoked_at IS NULL AND uses_left > 0 AND expires_at < @now",
        _ => "revoked_at IS NULL AND uses_left > 0 AND expires_at >= @now",
    };

    static EnrolmentTokenState StateOf(DateTimeOffset? revokedAt, int usesLeft, DateTimeOffset expiresAt, DateTimeOffset now) =>
        revokedAt is not null ? EnrolmentTokenState.Revoked
        : usesLeft <= 0 ? EnrolmentTokenState.Spent
        : expiresAt < now ? EnrolmentTokenState.Expired
        : EnrolmentTokenState.Usable;

    static AdminEnrolmentToken Read(DbDataReader r, DateTimeOffset now) => new(r.GetGuid(0), StateOf(r.TimeOrNull(8), r.GetInt32(1), r.Time(3), now), r.GetInt32(1), r.Time(2), r.Time(3))
    {
        Uses = r.IntOrNull(4),
        CreatedBy = r.StringOrNull(5),
        PracticeManagementName = r.StringOrNull(6),
        PracticeManagementSiteId = r.StringOrNull(7),
        RevokedAt = r.TimeOrNull(8),
    };

    static string? PracticeOf(string? pmsName, string? pmsId) => pmsName is null && pmsId is null ? null : $"{pmsName} {pmsId}".Trim();

    static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}

/// <summary>An enrolment token, and for which practice it was made; null: for any.</summary>
sealed record TokenPractice(Guid TokenId, string? PmsName, string? PmsId);
