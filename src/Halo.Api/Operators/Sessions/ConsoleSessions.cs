using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Storage;

namespace Halo.Api.Operators.Sessions;

/// <summary>Who is signed in to the console. Sessions are in the store, by the SHA-256 of their token, so that any node knows them.</summary>
sealed class ConsoleSessions(Database database, AdminKey adminKey, OperatorDirectory operators, AuditLog audit, TimeProvider time)
{
    /// <summary>A session ends so long after it began, whatever is done.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(12);

    /// <summary>And where nothing is done for so long.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromMinutes(30);

    /// <summary>The last use is known to the minute, so that it costs a write a minute at most.</summary>
    static readonly TimeSpan SeenStep = TimeSpan.FromMinutes(1);

    /// <summary>Sessions of one operator; a new one ends the oldest.</summary>
    public const int MostOfOperator = 20;

    const int TokenBytes = 32;

    /// <summary>Begins one, always with a new token.</summary>
    /// <param name="known">Who signed in, as its key was found: one that is replaced at this moment opens nothing. Null: whoever has the admin key.</param>
    public async Task<ConsoleSession> BeginAsync(Operator? known, OperatorDeed deed)
    {
        var mark = MarkOf(known);
        var now = time.GetUtcNow();
        var session = new ConsoleSession(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes)), deed.Id, now, now + Longest);
        await database.WriteAsync(async t =>
        {
            await t.RunAsync("DELETE FROM console_sessions WHERE expires_at <= @now OR last_seen_at <= @idle", ("now", now.Ms()), ("idle", (now - Idle - SeenStep).Ms()));
            // Of each operator the newest: whoever signs in again and again fills no store.
            await t.RunAsync(
                """
                DELETE FROM console_sessions WHERE token_hash IN (
                  SELECT token_hash FROM console_sessions WHERE operator_id = @operator OR (operator_id IS NULL AND @isAdmin) ORDER BY created_at DESC LIMIT 1000 OFFSET @kept)
                """,
                ("operator", deed.Id ?? Guid.Empty), ("isAdmin", deed.Id is null), ("kept", MostOfOperator - 1));
            await t.RunAsync(
                """
                INSERT INTO console_sessions (token_hash, operator_id, key_mark, created_at, last_seen_at, expires_at)
                VALUES (@hash, @operator, @mark, @now, @now, @until)
                """,
                ("hash", HashOf(session.Token)), ("operator", deed.Id), ("mark", mark), ("now", now.Ms()), ("until", session.ExpiresAt.Ms()));
            await audit.WriteAsync(t, "console.signed-in", deed.Id?.ToString() ?? "admin key", deed);
            return 0;
        });
        return session;
    }

    /// <summary>The session of a token; null: there is none, it is over, or its key was revoked, replaced or has expired.</summary>
    public async Task<ConsoleSession?> FindAsync(string token)
    {
        if (token.Length != Base64Url.GetEncodedLength(TokenBytes))
            return null;
        var (hash, now) = (HashOf(token), time.GetUtcNow());
        var found = await database.ReadAsync(
            r => (Session: new ConsoleSession(token, r.GuidOrNull(0), r.Time(2), r.Time(4)), Mark: r.GetFieldValue<byte[]>(1), SeenAt: r.Time(3)),
            "SELECT operator_id, key_mark, created_at, last_seen_at, expires_at FROM console_sessions WHERE token_hash = @hash", ("hash", hash));
        if (found is not [var (session, mark, seenAt)])
            return null;
        var by = session.OperatorId is { } id ? operators.Find(id) : null;
        if (session.ExpiresAt <= now || seenAt + Idle <= now || by is { RevokedAt: not null } || by?.HasExpired(now) == true)
        {
            await RemoveAsync(hash);
            return null;
        }
        // Not removed: another process, which has read a newer key, may know better.
        if (session.OperatorId is not null && by is null || !CryptographicOperations.FixedTimeEquals(mark, MarkOf(by)))
            return null;
        if (now - seenAt >= SeenStep)
        {
            database.CommitLater(("console-session", Convert.ToHexString(hash)),
                new("UPDATE console_sessions SET last_seen_at = @now WHERE token_hash = @hash", ("hash", hash), ("now", now.Ms())));
        }
        return session;
    }

    /// <summary>Ends one; its token opens nothing when this returns.</summary>
    public async Task EndAsync(ConsoleSession session, OperatorDeed deed) => await database.WriteAsync(async t =>
    {
        if (await t.RunAsync("DELETE FROM console_sessions WHERE token_hash = @hash", ("hash", HashOf(session.Token))) > 0)
            await audit.WriteAsync(t, "console.signed-out", deed.Id?.ToString() ?? "admin key", deed);
        return 0;
    });

    Task<int> RemoveAsync(byte[] hash) => database.CommitAsync(new("DELETE FROM console_sessions WHERE token_hash = @hash", ("hash", hash)));

    /// <summary>Of an operator's key, or of the admin key.</summary>
    byte[] MarkOf(Operator? known) => known is null ? adminKey.Mark : SHA256.HashData(known.KeyHash);

    static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
