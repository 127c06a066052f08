using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Contracts.Admin;

namespace Halo.Api.Storage;

/// <summary>Who did what, written in the transaction of the deed.</summary>
sealed class AuditLog(Database database, TimeProvider time)
{
    /// <summary>Adds a line. Subjects are ids, never content.</summary>
    public Task WriteAsync(DbTransaction transaction, string action, string subject, string actor, JsonObject? detail = null)
    {
        var now = time.GetUtcNow();
        return transaction.RunAsync(
            "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (@id, @at, @actor, @action, @subject, @detail)",
            ("id", Guid.CreateVersion7(now)), ("at", now.Ms()), ("actor", actor), ("action", action), ("subject", subject), ("detail", detail?.ToJsonString()));
    }

    /// <summary>Adds a line for what an operator did.</summary>
    public Task WriteAsync(DbTransaction transaction, string action, string subject, OperatorDeed deed, JsonObject? detail = null) =>
        WriteAsync(transaction, action, subject, deed.Actor, deed.ToDetail(detail ?? []));

    /// <summary>Lines from one moment to another, both included, oldest first.</summary>
    /// <param name="after">Only what comes after this line; null: from the beginning.</param>
    public async Task<IReadOnlyList<AuditEntry>> ListAsync(DateTimeOffset from, DateTimeOffset to, Guid? after, int limit) => await database.ReadAsync(
        Read,
        $"""
        SELECT id, at, actor, action, subject, detail FROM audit
        WHERE at >= @from AND at <= @to {(after is null ? "" : "AND (at, id) > (SELECT a.at, a.id FROM audit a WHERE a.id = @after)")}
        ORDER BY at, id LIMIT @limit
        """,
        [("from", from.Ms()), ("to", to.Ms()), ("limit", limit), .. after is null ? Array.Empty<(string, object?)>() : [("after", after)]]);

    /// <summary>Lines that fit, newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> ListNewestAsync(AuditFilter wanted)
    {
        List<(string, object?)> values = [("limit", wanted.Limit)];
        var where = new List<string> { "TRUE" };
        void And(string condition, string name, object? value)
        {
            if (value is null)
                return;
            where.Add(condition);
            values.Add((name, value));
        }
        And("at >= @from", "from", wanted.From?.Ms());
        And("at < @to", "to", wanted.To?.Ms());
        And("actor = @actor", "actor", wanted.Actor);
        And("action = @action", "action", wanted.Action);
        And("(subject = @subject OR subject LIKE @within ESCAPE '!')", "subject", wanted.Subject);
        if (wanted.Subject is { } subject)
            values.Add(("within", $"%{subject.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal)}%"));
        And("(at, id) < (SELECT a.at, a.id FROM audit a WHERE a.id = @before)", "before", wanted.Before);
        return await database.ReadAsync(Read, $"SELECT id, at, actor, action, subject, detail FROM audit WHERE {string.Join(" AND ", where)} ORDER BY at DESC, id DESC LIMIT @limit", [.. values]);
    }

    static AuditEntry Read(DbDataReader r) =>
        new(r.GetGuid(0), r.Time(1), r.GetString(2), r.GetString(3), r.GetString(4), r.StringOrNull(5) is { } detail ? JsonNode.Parse(detail) : null);

    /// <summary>Takes the oldest lines from before, some in one call.</summary>
    /// <returns>How many went.</returns>
    public Task<int> ForgetAsync(DateTimeOffset before) => database.CommitAsync(new(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < @before ORDER BY at LIMIT 200)", ("before", before.Ms())));

    /// <summary>The time of the oldest line; null: there is none.</summary>
    public async Task<DateTimeOffset?> OldestAsync() => (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(at) FROM audit"))[0];
}

/// <summary>Which lines are wanted; each part that is given has to fit.</summary>
/// <param name="Limit">At most so many.</param>
sealed record AuditFilter(int Limit)
{
    /// <summary>Not before.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Before.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>As it stands in the log, as <c>operator:Ann</c>.</summary>
    public string? Actor { get; init; }

    public string? Action { get; init; }

    /// <summary>In the subject, such as an id.</summary>
    public string? Subject { get; init; }

    /// <summary>Older than this line.</summary>
    public Guid? Before { get; init; }
}

/// <summary>Which operator did something, from where, and why: for the audit log.</summary>
/// <param name="Id">The operator's id; null: whoever has the admin key.</param>
/// <param name="Name">The operator's name; null: likewise.</param>
/// <param name="Address">From where the operator called.</param>
/// <param name="Reason">In the operator's own words.</param>
sealed record OperatorDeed(Guid? Id, string? Name, string? Address, string? Reason = null)
{
    /// <summary>Characters of a reason.</summary>
    public const int LongestReason = 500;

    public string Actor => Name is null ? "operator" : $"operator:{Name}";

    /// <summary>Added to what the deed itself has to say.</summary>
    public JsonObject ToDetail(JsonObject detail)
    {
        if (Id is not null)
            detail["operatorId"] = Id.ToString();
        if (Address is not null)
            detail["address"] = Address;
        if (Reason is not null)
            detail["reason"] = Reason;
        return detail;
    }
}
