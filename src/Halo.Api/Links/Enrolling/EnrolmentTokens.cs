using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Halo.Api.Storage;

namespace Halo.Api.Links.Enrolling;

/// <summary>Tokens by which new Links may enrol: 256 random bits, shown once, kept as SHA-256, with an end and a number of uses.</summary>
sealed class EnrolmentTokens(Database database, AuditLog audit, TimeProvider time)
{
    /// <summary>Makes one.</summary>
    public async Task<NewEnrolmentToken> CreateAsync(CreateEnrolmentTokenRequest asked)
    {
        var now = time.GetUtcNow();
        var token = new NewEnrolmentToken(Guid.CreateVersion7(now), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)),
            now + TimeSpan.FromMinutes(asked.ExpiresInMinutes ?? 60));
        await database.WriteAsync(async transaction =>
        {
            await transaction.Connection!.ExecuteAsync(
                """
                INSERT INTO enrolment_tokens (id, token_hash, uses_left, pms_name, pms_id, expires_at, created_at)
                VALUES (@Id, @hash, @uses, @name, @practice, @until, @now)
                """,
                new
                {
                    token.Id,
                    hash = SHA256.HashData(Encoding.UTF8.GetBytes(token.Token)),
                    uses = asked.Uses ?? 1,
                    name = asked.PracticeManagementName,
                    practice = asked.PracticeManagementSiteId,
                    until = token.ExpiresAt.ToUnixTimeMilliseconds(),
                    now = now.ToUnixTimeMilliseconds(),
                }, transaction);
            await audit.WriteAsync(transaction, "enrolment-token.created", token.Id.ToString());
            return 0;
        });
        return token;
    }
}

/// <summary>A new enrolment token: the only time it is shown.</summary>
/// <param name="Id">Names it in the audit log.</param>
/// <param name="Token">Goes into the Link's configuration.</param>
/// <param name="ExpiresAt">Until when it works.</param>
sealed record NewEnrolmentToken(Guid Id, string Token, DateTimeOffset ExpiresAt);

/// <summary>Asks for an enrolment token.</summary>
/// <param name="ExpiresInMinutes">1 to 525600; default 60.</param>
/// <param name="Uses">How many Links may enrol with it, 1 to 10000; default 1.</param>
/// <param name="PracticeManagementName">Only for sites of this PMS; default any.</param>
/// <param name="PracticeManagementSiteId">Only for the practice of this id; default any.</param>
sealed record CreateEnrolmentTokenRequest(int? ExpiresInMinutes, int? Uses, string? PracticeManagementName, string? PracticeManagementSiteId);
