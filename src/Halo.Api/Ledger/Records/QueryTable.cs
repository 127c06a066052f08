using System.Collections.Frozen;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>
/// The table of queries: each column is named once, with where its value comes from, and every statement that writes a whole row or an end is made
/// of these lists. Parameters have the names of their columns. One text for both databases, and always the same one for the same move: databases
/// know a prepared statement by it.
/// </summary>
static class QueryTable
{
    /// <summary>Known from the start, and never changed.</summary>
    static readonly Column<NewQuery>[] Request =
    [
        new("id", q => q.Id), new("integrator_id", q => q.IntegratorId), new("site_id", q => q.SiteId), new("mode", q => Word(q.Mode)),
        new("tag", q => q.Tag), new("catalogue", q => q.Catalogue), new("result_set", q => q.ResultSet),
        new("max_time_in_queue", q => q.MaxTimeInQueue), new("execution_limit", q => q.ExecutionLimit),
        new("command_size", q => q.CommandSize), new("request_size", q => q.RequestSize), new("sql_size", q => q.SqlSize),
        new("created_at", q => q.CreatedAt.Ms()), new("trace_parent", q => q.TraceParent),
        new("kept_for", q => q.RetentionHours is { } hours ? (long)TimeSpan.FromHours(hours).TotalMilliseconds : null),
    ];

    /// <summary>Where the query stands.</summary>
    static readonly Column<QueryState>[] State =
    [
        new("status", s => QueryLifecycle.Word(s.Status)),
        new("link_id", s => s.Session?.LinkId), new("run_id", s => s.Session?.RunId), new("session_id", s => s.Session?.SessionId),
        new("queued_at", s => s.QueuedAt), new("executing_at", s => s.ExecutingAt), new("completed_at", s => s.CompletedAt),
        new("updated_at", s => s.UpdatedAt), new("deadline_at", s => s.DeadlineAt), new("wrapped_key", s => s.WrappedKey), new("detail", s => s.Detail),
    ];

    /// <summary>How it ended, and whose fault that was.</summary>
    static readonly Column<Settlement?>[] Verdict =
    [
        new("executed", s => Word(s?.Executed)), new("settled_by", s => s is null ? null : Word(s.By)),
        new("error_type", s => s?.Error?.ErrorType), new("error_code", s => s?.Error?.ErrorCode), new("failure_code", s => s?.Error?.Code),
    ];

    /// <summary>What it took and gave. What is not told keeps what an earlier report stored.</summary>
    static readonly Column<Settlement?>[] Measures =
    [
        new("rows_count", s => s?.Rows), new("rows_affected", s => s?.RowsAffected), new("result_size", s => s?.Size), new("result_sets", s => s?.ResultSets),
        new("lane_ms", s => s?.Timings?.LaneMs), new("execute_ms", s => s?.Timings?.ExecuteMs), new("encode_ms", s => s?.Timings?.EncodeMs),
        new("upload_ms", s => s?.UploadMs),
    ];

    static readonly string[] Names = [.. Request.Select(c => c.Name), .. State.Select(c => c.Name), .. Verdict.Select(c => c.Name), .. Measures.Select(c => c.Name)];

    /// <summary>Written by single moves.</summary>
    static readonly string[] OfMoves = ["claim_id", "cancel_asked_at", "uploading_at", "page_count", "digest"];

    /// <summary>What <see cref="QueryRecord"/> is read from.</summary>
    public static readonly string Columns = string.Join(", ", [.. Names, .. OfMoves]);

    static readonly FrozenDictionary<string, int> Ordinals = Names.Concat(OfMoves).Index().ToFrozenDictionary(c => c.Item, c => c.Index);

    static readonly string InsertRow = $"INSERT INTO queries ({string.Join(", ", Names)}) VALUES ({string.Join(", ", Names.Select(n => "@" + n))}) ";

    static readonly string InsertNew = InsertRow + "ON CONFLICT (id) DO NOTHING";

    // The row as an insert and an update would leave it: where it is there already, it is settled under the same conditions as by Settle.
    static readonly string Upsert = InsertRow + "ON CONFLICT (id) DO UPDATE SET "
        + string.Join(", ", ((string[])["status", "completed_at", "updated_at", "deadline_at", "wrapped_key", "detail",
            .. Verdict.Select(c => c.Name), .. Measures.Select(c => c.Name)]).Select(n => $"{n} = excluded.{n}"))
        + " WHERE queries.link_id = excluded.link_id AND queries.run_id = excluded.run_id AND";

    static readonly string MeasuresSet = string.Join(", ", Measures.Select(c => $"{c.Name} = COALESCE(@{c.Name}, {c.Name})"));

    static readonly string Settle = "UPDATE queries SET status = @status, completed_at = @now, updated_at = @now, deadline_at = NULL, "
        + "wrapped_key = COALESCE(@wrapped_key, wrapped_key), detail = COALESCE(@detail, detail), "
        + string.Join(", ", Verdict.Select(c => $"{c.Name} = @{c.Name}")) + ", " + MeasuresSet + " WHERE";

    /// <summary>The database has answered in full. <see cref="UploadingValues"/> gives the values.</summary>
    public static readonly string BecomeUploading =
        $"""
        UPDATE queries SET status = 'uploading', uploading_at = @now, updated_at = @now, deadline_at = @deadline_at, page_count = @page_count, detail = @detail, {MeasuresSet}
        WHERE id = @id AND claim_id = @claim AND {QueryLifecycle.MayBecome(QueryStatus.Uploading, Mover.Link, QueryMode.Async)}
        """;

    static readonly FrozenDictionary<(QueryStatus, Mover, QueryMode), string> SettleTexts = (
        from move in QueryLifecycle.Moves
        from mover in move.By
        from mode in Enum.GetValues<QueryMode>()
        where QueryLifecycle.IsFinal(move.To) && (move.Mode is null || move.Mode == mode)
        select (move.To, mover, mode)).Distinct().ToFrozenDictionary(k => k, k => $"{Settle} {QueryLifecycle.MayBecome(k.To, k.mover, k.mode)} AND id");

    static readonly FrozenDictionary<(QueryStatus, Mover, QueryMode), string> SettleOneTexts = SettleTexts.ToFrozenDictionary(t => t.Key, t => t.Value + " = @id");

    static readonly FrozenDictionary<(QueryStatus, Mover, QueryMode), string> SettleHeldTexts =
        SettleOneTexts.ToFrozenDictionary(t => t.Key, t => t.Value + " AND link_id = @link AND run_id = @run");

    static readonly FrozenDictionary<(QueryStatus, Mover), string> UpsertTexts = (
        from move in QueryLifecycle.Moves
        where move.From == QueryStatus.Executing && QueryLifecycle.IsFinal(move.To) && move.Mode != QueryMode.Async
        from mover in move.By
        select (move.To, mover)).Distinct().ToFrozenDictionary(k => k, k => $"{Upsert} {QueryLifecycle.MayBecome(k.To, k.mover, QueryMode.Immediate, "queries.")}");

    /// <summary>Back into the queue, for what is left of its time.</summary>
    /// <param name="noted">What is set besides.</param>
    public static string BecomeQueued(Mover by, string noted) =>
        $"""
        UPDATE queries SET status = 'queued', {noted}, claim_id = NULL, claim_number = NULL, link_id = NULL, run_id = NULL,
          session_id = NULL, executing_at = NULL, updated_at = @now, deadline_at = created_at + max_time_in_queue
        WHERE id = @id AND claim_id = @claim AND {QueryLifecycle.MayBecome(QueryStatus.Queued, by, QueryMode.Async)}
        """;

    /// <summary>Where a column stands among <see cref="Columns"/>.</summary>
    public static int Ordinal(string column) => Ordinals[column];

    /// <summary>Makes a row, where there is none.</summary>
    /// <param name="end">Null: it has not ended.</param>
    public static Statement Insert(NewQuery query, QueryState state, Settlement? end = null) => new(InsertNew, RowValues(query, state, end));

    /// <summary>Makes the row of an immediate query that has ended, or settles the one that is there, where it may be settled so and belongs to the same Link and run.</summary>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static Statement InsertOrSettle(NewQuery query, QueryState state, Settlement end) => UpsertTexts.TryGetValue((end.Status, end.By), out var text)
        ? new(text, RowValues(query, state, end))
        : throw NoMove(end, QueryMode.Immediate);

    /// <summary>Settles a query, where it may be settled so.</summary>
    /// <param name="heldBy">Only where its Link and run hold it. Null: whoever holds it.</param>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static Statement SettleOne(Guid id, QueryMode mode, Settlement end, long now, byte[]? key, byte[]? detail, SessionReference? heldBy)
    {
        if (!(heldBy is null ? SettleOneTexts : SettleHeldTexts).TryGetValue((end.Status, end.By, mode), out var text))
            throw NoMove(end, mode);
        (string, object?)[] where = heldBy is null ? [("id", id)] : [("id", id), ("link", heldBy.LinkId), ("run", heldBy.RunId)];
        return new(text, SettleValues(end, now, key, detail, where));
    }

    /// <summary>Settles those of many that may be settled so, and returns id, integrator, site and tag of each.</summary>
    /// <param name="dueOnly">Leaves alone what was given a later deadline meanwhile.</param>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static Statement SettleMany(IReadOnlyList<Guid> ids, QueryMode mode, Settlement end, long now, byte[]? detail, bool dueOnly)
    {
        if (!SettleTexts.TryGetValue((end.Status, end.By, mode), out var text))
            throw NoMove(end, mode);
        var (list, values) = In(ids);
        return new($"{text} IN {list}{(dueOnly ? " AND deadline_at <= @now" : "")} RETURNING id, integrator_id, site_id, tag", SettleValues(end, now, null, detail, values));
    }

    /// <summary>Values of <see cref="BecomeUploading"/>, beside the query's id and its claim.</summary>
    public static (string, object?)[] UploadingValues(Guid id, Guid claimId, Settlement soFar, int pageCount, byte[]? detail, long now, long deadline)
    {
        var values = new (string, object?)[6 + Measures.Length];
        Fill(values, 0, Measures, soFar);
        ReadOnlySpan<(string, object?)> others = [("id", id), ("claim", claimId), ("now", now), ("deadline_at", deadline), ("page_count", pageCount), ("detail", detail)];
        others.CopyTo(values.AsSpan(Measures.Length));
        return values;
    }

    public static string? Word(Executed? executed) => executed switch
    {
        null => null,
        Executed.No => "no",
        Executed.Yes => "yes",
        _ => "unknown",
    };

    public static Executed? ParseExecuted(string? word) => word switch
    {
        null => null,
        "no" => Executed.No,
        "yes" => Executed.Yes,
        _ => Executed.Unknown,
    };

    public static string Word(Mover by) => by switch
    {
        Mover.Api => "api",
        Mover.Link => "link",
        Mover.Integrator => "integrator",
        Mover.Restore => "restore",
        _ => "operator",
    };

    public static Mover? ParseMover(string? word) => word switch
    {
        null => null,
        "api" => Mover.Api,
        "link" => Mover.Link,
        "integrator" => Mover.Integrator,
        "restore" => Mover.Restore,
        _ => Mover.Operator,
    };

    public static QueryMode ParseMode(string word) => word == "async" ? QueryMode.Async : QueryMode.Immediate;

    public static string Word(QueryMode mode) => mode == QueryMode.Async ? "async" : "immediate";

    /// <summary><c>(@i0, @i1, …)</c> and its values.</summary>
    public static (string Sql, (string, object?)[] Values) In(IReadOnlyList<Guid> ids) =>
        ($"({string.Join(", ", ids.Select((_, i) => $"@i{i}"))})", [.. ids.Select((id, i) => ($"i{i}", (object?)id))]);

    static (string, object?)[] RowValues(NewQuery query, QueryState state, Settlement? end)
    {
        var values = new (string, object?)[Names.Length];
        var next = Fill(values, 0, Request, query);
        next = Fill(values, next, State, state);
        next = Fill(values, next, Verdict, end);
        Fill(values, next, Measures, end);
        return values;
    }

    static (string, object?)[] SettleValues(Settlement end, long now, byte[]? key, byte[]? detail, ReadOnlySpan<(string, object?)> where)
    {
        var values = new (string, object?)[4 + Verdict.Length + Measures.Length + where.Length];
        (values[0], values[1], values[2], values[3]) = (("status", QueryLifecycle.Word(end.Status)), ("now", now), ("wrapped_key", key), ("detail", detail));
        var next = Fill(values, 4, Verdict, end);
        next = Fill(values, next, Measures, end);
        where.CopyTo(values.AsSpan(next));
        return values;
    }

    static int Fill<T>((string, object?)[] values, int next, Column<T>[] columns, T source)
    {
        foreach (var column in columns)
            values[next++] = (column.Name, column.Value(source));
        return next;
    }

    static InvalidOperationException NoMove(Settlement end, QueryMode mode) => new($"No {mode} query becomes {end.Status} by {end.By}.");

    sealed record Column<T>(string Name, Func<T, object?> Value);
}

/// <summary>Where a query stands when its row is made. Times in milliseconds since 1970.</summary>
/// <param name="Session">The session over which it was sent; null: not sent.</param>
sealed record QueryState(QueryStatus Status, long UpdatedAt, SessionReference? Session = null)
{
    public long? QueuedAt { get; init; }

    public long? ExecutingAt { get; init; }

    public long? CompletedAt { get; init; }

    public long? DeadlineAt { get; init; }

    public byte[]? WrappedKey { get; init; }

    public byte[]? Detail { get; init; }
}
