using System.Collections.Frozen;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>The ledger's SQL that more than one part uses. One text for both databases.</summary>
static class LedgerSql
{
    const string InsertRow =
        """
        INSERT INTO queries (id, integrator_id, site_id, link_id, run_id, session_id, mode, status, executed, tag, catalogue, result_set,
          max_time_in_queue, execution_limit, command_size, request_size, sql_size, settled_by, created_at, queued_at, executing_at,
          completed_at, updated_at, deadline_at, rows_count, rows_affected, result_size, result_sets, lane_ms, execute_ms, encode_ms, upload_ms,
          error_type, error_code, failure_code, wrapped_key, detail, trace_parent)
        VALUES (@id, @integrator, @site, @link, @run, @session, @mode, @status, @executed, @tag, @catalogue, @set,
          @queue, @limit, @commandSize, @requestSize, @sqlSize, @by, @created, @queued, @executing,
          @completed, @updated, @deadline, @rows, @affected, @size, @sets, @lane, @execute, @encode, @upload,
          @errorType, @errorCode, @failure, @key, @detail, @trace)

        """;

    public const string Insert = InsertRow + "ON CONFLICT (id) DO NOTHING";

    // The row as an insert and an update would leave it: where it is there already, it is settled under the same conditions as by Settle.
    const string Upsert = InsertRow +
        """
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, executed = excluded.executed, settled_by = excluded.settled_by,
          completed_at = excluded.completed_at, updated_at = excluded.updated_at, deadline_at = NULL,
          rows_count = excluded.rows_count, rows_affected = excluded.rows_affected, result_size = excluded.result_size, result_sets = excluded.result_sets,
          lane_ms = excluded.lane_ms, execute_ms = excluded.execute_ms, encode_ms = excluded.encode_ms, upload_ms = excluded.upload_ms,
          error_type = excluded.error_type, error_code = excluded.error_code, failure_code = excluded.failure_code,
          wrapped_key = excluded.wrapped_key, detail = excluded.detail
        WHERE queries.link_id = excluded.link_id AND queries.run_id = excluded.run_id AND
        """;

    // What is not told keeps what an earlier report stored.
    const string Settle =
        """
        UPDATE queries SET status = @status, executed = @executed, settled_by = @by, completed_at = @now, updated_at = @now, deadline_at = NULL,
          rows_count = COALESCE(@rows, rows_count), rows_affected = COALESCE(@affected, rows_affected),
          result_size = COALESCE(@size, result_size), result_sets = COALESCE(@sets, result_sets),
          lane_ms = COALESCE(@lane, lane_ms), execute_ms = COALESCE(@execute, execute_ms), encode_ms = COALESCE(@encode, encode_ms),
          upload_ms = COALESCE(@upload, upload_ms),
          error_type = @errorType, error_code = @errorCode, failure_code = @failure,
          wrapped_key = COALESCE(@key, wrapped_key), detail = COALESCE(@detail, detail)
        WHERE id = @id AND
        """;

    // One text for each move, always the same: databases know a prepared statement by it.
    static readonly FrozenDictionary<(QueryStatus, Mover, QueryMode, bool Held), string> SettleTexts = (
        from move in QueryLifecycle.Moves
        from mover in move.By
        from mode in Enum.GetValues<QueryMode>()
        where move.Mode is null || move.Mode == mode
        from held in (bool[])[false, true]
        select (move.To, mover, mode, held)).Distinct().ToFrozenDictionary(k => k,
            k => $"{Settle} {QueryLifecycle.MayBecome(k.To, k.mover, k.mode)}{(k.held ? " AND link_id = @link AND run_id = @run" : "")}");

    static readonly FrozenDictionary<(QueryStatus, Mover), string> UpsertTexts = (
        from move in QueryLifecycle.Moves
        where move.From == QueryStatus.Executing && move.Mode != QueryMode.Async
        from mover in move.By
        select (move.To, mover)).Distinct().ToFrozenDictionary(k => k,
            k => $"{Upsert} {QueryLifecycle.MayBecome(k.To, k.mover, QueryMode.Immediate, "queries.")}");

    /// <summary>Makes the row of an immediate query as <c>executing</c>, where there is none.</summary>
    public static Statement Sent(SentQuery sent) => new(Insert, SentParameters(sent, null, null, null, null));

    /// <summary>Makes the row of an immediate query that has ended, or settles the one that is there, where it may be settled so and belongs to the same Link and run.</summary>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static Statement Ended(SentQuery sent, Settlement s, long at, byte[]? key, byte[]? detail) => UpsertTexts.TryGetValue((s.Status, s.By), out var text)
        ? new(text, SentParameters(sent, s, at, key, detail))
        : throw new InvalidOperationException($"No immediate query becomes {s.Status} by {s.By}.");

    static (string, object?)[] SentParameters(SentQuery sent, Settlement? s, long? at, byte[]? key, byte[]? detail) =>
    [
        .. InsertParameters(sent.Query, s?.Status ?? QueryStatus.Executing),
        ("link", sent.Session.LinkId), ("run", sent.Session.RunId), ("session", sent.Session.SessionId),
        ("queued", null), ("executing", sent.At.Ms()), ("completed", at), ("updated", at ?? sent.At.Ms()), ("deadline", s is null ? sent.Deadline.Ms() : null),
        .. EndParameters(s, key, detail),
    ];

    /// <summary>What stands fast of a query, in the words of <see cref="Insert"/>.</summary>
    public static (string, object?)[] InsertParameters(NewQuery q, QueryStatus status) =>
    [
        ("id", q.Id), ("integrator", q.IntegratorId), ("site", q.SiteId), ("mode", Word(q.Mode)), ("status", QueryLifecycle.Word(status)),
        ("tag", q.Tag), ("catalogue", q.Catalogue), ("set", q.ResultSet), ("queue", q.MaxTimeInQueue), ("limit", q.ExecutionLimit),
        ("commandSize", q.CommandSize), ("requestSize", q.RequestSize), ("sqlSize", q.SqlSize), ("created", q.CreatedAt.Ms()), ("trace", q.TraceParent),
    ];

    /// <summary>Settles one query; <see cref="SettleParameters"/> gives the values.</summary>
    /// <param name="held">Only where this Link (<c>@link</c>) and run (<c>@run</c>) hold it.</param>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static string SettleFor(Settlement s, QueryMode mode, bool held = false) => SettleTexts.TryGetValue((s.Status, s.By, mode, held), out var text)
        ? text
        : throw new InvalidOperationException($"No {mode} query becomes {s.Status} by {s.By}.");

    public static (string, object?)[] SettleParameters(Guid id, Settlement s, long now, byte[]? key, byte[]? detail) =>
        [("id", id), ("status", QueryLifecycle.Word(s.Status)), ("now", now), .. EndParameters(s, key, detail)];

    /// <summary>How a query ended, in the words of <see cref="Insert"/> and of settling.</summary>
    /// <param name="s">Null: it has not ended.</param>
    public static (string, object?)[] EndParameters(Settlement? s, byte[]? key, byte[]? detail) =>
    [
        ("executed", Word(s?.Executed)), ("by", s is null ? null : Word(s.By)),
        ("rows", s?.Rows), ("affected", s?.RowsAffected), ("size", s?.Size), ("sets", s?.ResultSets),
        ("lane", s?.Timings?.LaneMs), ("execute", s?.Timings?.ExecuteMs), ("encode", s?.Timings?.EncodeMs), ("upload", s?.UploadMs),
        ("errorType", s?.Error?.ErrorType), ("errorCode", s?.Error?.ErrorCode), ("failure", s?.Error?.Code),
        ("key", key), ("detail", detail),
    ];

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

    public static string Word(QueryMode mode) => mode == QueryMode.Async ? "async" : "immediate";

    /// <summary><c>(@i0, @i1, …)</c> and its values.</summary>
    public static (string Sql, (string, object?)[] Values) In(IReadOnlyList<Guid> ids) =>
        ($"({string.Join(", ", ids.Select((_, i) => $"@i{i}"))})", [.. ids.Select((id, i) => ($"i{i}", (object?)id))]);
}
