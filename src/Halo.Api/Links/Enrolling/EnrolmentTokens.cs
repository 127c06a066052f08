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
                INSERT INTO enrolment_tokens (id, token_hash, uses_left, pms_name, pms_id, expires_at, created_at)
                VALUES (@id, @hash, @uses, @name, @practice, @until, @now)
                """,
                ("id", token.Id), ("hash", HashOf(token.Token)), ("uses", asked.Uses ?? 1), ("name", asked.PracticeManagementName),
                ("practice", asked.PracticeManagementSiteId), ("until", token.ExpiresAt.Ms()), ("now", now.Ms()));
            await audit.WriteAsync(transaction, "enrolment-token.created", token.Id.ToString(), deed, new JsonObject
            {
                ["practice"] = asked.PracticeManagementSiteId is null ? null : $"{asked.PracticeManagementName} {asked.PracticeManagementSiteId}",
                ["uses"] = asked.Uses ?? 1,
                ["expiresAt"] = token.ExpiresAt.ToString("o", CultureInfo.InvariantCulture),
            });
            return 0;
        });
        return token;
    }

    /// <summary>The practice that a token names, where it can still be used.</summary>
    public static async Task<TokenPractice?> FindAsync(DbTransaction transaction, string token, DateTimeOffset now) => (await transaction.ReadAsync(
        r => new TokenPractice(r.StringOrNull(0), r.StringOrNull(1)),
        "SELECT pms_name, pms_id FROM enrolment_tokens WHERE token_hash = @hash AND expires_at >= @now AND uses_left > 0",
        ("hash", HashOf(token)), ("now", now.Ms()))).SingleOrDefault();

    /// <summary>Spends one use of it.</summary>
    /// <returns>False: it has none left, or is over.</returns>
    public static async Task<bool> SpendAsync(DbTransaction transaction, string token, DateTimeOffset now) => await transaction.RunAsync(
        "UPDATE enrolment_tokens SET uses_left = uses_left - 1 WHERE token_hash = @hash AND uses_left > 0 AND expires_at >= @now",
        ("hash", HashOf(token)), ("now", now.Ms())) == 1;

    static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}

/// <summary>For which practice an enrolment token was made; null: for any.</summary>
sealed record TokenPractice(string? PmsName, string? PmsId);
