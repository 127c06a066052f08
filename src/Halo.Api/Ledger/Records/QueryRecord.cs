using System.Data.Common;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>A query as the ledger has it, its detail opened.</summary>
sealed record QueryRecord
{
    public required Guid Id { get; init; }
    public required Guid IntegratorId { get; init; }
    public required Guid SiteId { get; init; }
    public Guid? LinkId { get; init; }
    public Guid? ClaimId { get; init; }
    public required QueryMode Mode { get; init; }
    public required QueryStatus Status { get; init; }
    public Executed? Executed { get; init; }
    public string? Tag { get; init; }
    public int MaxTimeInQueue { get; init; }
    public int ExecutionLimit { get; init; }
    public long CommandSize { get; init; }
    public long RequestSize { get; init; }
    public long SqlSize { get; init; }
    public DateTimeOffset? CancelAskedAt { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? QueuedAt { get; init; }
    public DateTimeOffset? ExecutingAt { get; init; }
    public DateTimeOffset? UploadingAt { get; init; }
    public DateTimeOffset? CompletedAt { get; init; }
    public required DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? DeadlineAt { get; init; }
    public long? Rows { get; init; }
    public long? RowsAffected { get; init; }
    public long? ResultSize { get; init; }
    public int? PageCount { get; init; }
    public string? Digest { get; init; }
    public int? ResultSets { get; init; }
    public double? LaneMs { get; init; }
    public double? ExecuteMs { get; init; }
    public double? EncodeMs { get; init; }
    public double? UploadMs { get; init; }
    public string? FailureCode { get; init; }
    public string? ErrorType { get; init; }
    public int? ErrorCode { get; init; }
    internal byte[]? WrappedKey { get; init; }

    /// <summary>Whether its pages and details are still there; they go when their time is over.</summary>
    public bool IsKept => WrappedKey is not null;

    /// <summary>Columns, output parameters and error text, decrypted.</summary>
    public QueryDetail Detail { get; init; } = new();

    /// <summary>Async: the manifest so far, in order.</summary>
    public IReadOnlyList<PageRow> Pages { get; init; } = [];

    /// <summary>A query that has just been stored.</summary>
    internal static QueryRecord Queued(NewQuery q, DateTimeOffset at, DateTimeOffset deadline) => new()
    {
        Id = q.Id,
        IntegratorId = q.IntegratorId,
        SiteId = q.SiteId,
        Mode = q.Mode,
        Status = QueryStatus.Queued,
        Tag = q.Tag,
        MaxTimeInQueue = q.MaxTimeInQueue,
        ExecutionLimit = q.ExecutionLimit,
        CommandSize = q.CommandSize,
        RequestSize = q.RequestSize,
        SqlSize = q.SqlSize,
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(q.CreatedAt.Ms()),
        QueuedAt = at,
        UpdatedAt = at,
        DeadlineAt = deadline,
        Detail = new() { Notices = q.Notices },
    };

    internal const string Columns =
        """
        id, integrator_id, site_id, link_id, claim_id, mode, status, executed, tag, max_time_in_queue, execution_limit, command_size, request_size,
        sql_size, cancel_asked_at, created_at, queued_at, executing_at, uploading_at, completed_at, updated_at, deadline_at, rows_count,
        rows_affected, result_size, page_count, digest, result_sets, lane_ms, execute_ms, encode_ms, upload_ms, failure_code, wrapped_key, detail, error_type, error_code
        """;

    internal static (QueryRecord Record, byte[]? Detail) Read(DbDataReader r) => (new()
    {
        Id = r.GetGuid(0),
        IntegratorId = r.GetGuid(1),
        SiteId = r.GetGuid(2),
        LinkId = r.GuidOrNull(3),
        ClaimId = r.GuidOrNull(4),
        Mode = r.GetString(5) == "async" ? QueryMode.Async : QueryMode.Immediate,
        Status = QueryLifecycle.Parse(r.GetString(6)),
        Executed = LedgerSql.ParseExecuted(r.StringOrNull(7)),
        Tag = r.StringOrNull(8),
        MaxTimeInQueue = r.GetInt32(9),
        ExecutionLimit = r.GetInt32(10),
        CommandSize = r.GetInt64(11),
        RequestSize = r.GetInt64(12),
        SqlSize = r.GetInt64(13),
        CancelAskedAt = r.TimeOrNull(14),
        CreatedAt = r.Time(15),
        QueuedAt = r.TimeOrNull(16),
        ExecutingAt = r.TimeOrNull(17),
        UploadingAt = r.TimeOrNull(18),
        CompletedAt = r.TimeOrNull(19),
        UpdatedAt = r.Time(20),
        DeadlineAt = r.TimeOrNull(21),
        Rows = r.LongOrNull(22),
        RowsAffected = r.LongOrNull(23),
        ResultSize = r.LongOrNull(24),
        PageCount = r.IntOrNull(25),
        Digest = r.StringOrNull(26),
        ResultSets = r.IntOrNull(27),
        LaneMs = r.DoubleOrNull(28),
        ExecuteMs = r.DoubleOrNull(29),
        EncodeMs = r.DoubleOrNull(30),
        UploadMs = r.DoubleOrNull(31),
        FailureCode = r.StringOrNull(32),
        WrappedKey = r.BytesOrNull(33),
        ErrorType = r.StringOrNull(35),
        ErrorCode = r.IntOrNull(36),
    }, r.BytesOrNull(34));
}
