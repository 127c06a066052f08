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
    public int? RetentionHours { get; init; }
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

    /// <summary>The columns of a page's rows; null: not known.</summary>
    public IReadOnlyList<ResultColumn>? ColumnsOf(int pageNumber) => Detail.Results is not { } results ? Detail.Columns
        : BatchResults.IndexOf(results, pageNumber) is { } index ? BatchResults.ColumnsOf(results, index)
        : null;

    /// <summary>The output parameters of a page's command, once it is successful; null: none.</summary>
    public IReadOnlyList<OutputParameter>? ParametersOf(int pageNumber) => Status != QueryStatus.Successful ? null
        : Detail.Results is not { } results ? Detail.Parameters
        : BatchResults.IndexOf(results, pageNumber) is { } index ? results[index].Parameters
        : null;

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
        RetentionHours = q.RetentionHours,
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

    /// <summary>Reads a row of <see cref="QueryTable.Columns"/>; its detail is still encrypted.</summary>
    internal static (QueryRecord Record, byte[]? Detail) Read(DbDataReader r) => (new()
    {
        Id = r.GetGuid(At("id")),
        IntegratorId = r.GetGuid(At("integrator_id")),
        SiteId = r.GetGuid(At("site_id")),
        LinkId = r.GuidOrNull(At("link_id")),
        ClaimId = r.GuidOrNull(At("claim_id")),
        Mode = QueryTable.ParseMode(r.GetString(At("mode"))),
        Status = QueryLifecycle.Parse(r.GetString(At("status"))),
        Executed = QueryTable.ParseExecuted(r.StringOrNull(At("executed"))),
        Tag = r.StringOrNull(At("tag")),
        RetentionHours = r.LongOrNull(At("kept_for")) is { } ms ? (int)TimeSpan.FromMilliseconds(ms).TotalHours : null,
        MaxTimeInQueue = r.GetInt32(At("max_time_in_queue")),
        ExecutionLimit = r.GetInt32(At("execution_limit")),
        CommandSize = r.GetInt64(At("command_size")),
        RequestSize = r.GetInt64(At("request_size")),
        SqlSize = r.GetInt64(At("sql_size")),
        CancelAskedAt = r.TimeOrNull(At("cancel_asked_at")),
        CreatedAt = r.Time(At("created_at")),
        QueuedAt = r.TimeOrNull(At("queued_at")),
        ExecutingAt = r.TimeOrNull(At("executing_at")),
        UploadingAt = r.TimeOrNull(At("uploading_at")),
        CompletedAt = r.TimeOrNull(At("completed_at")),
        UpdatedAt = r.Time(At("updated_at")),
        DeadlineAt = r.TimeOrNull(At("deadline_at")),
        Rows = r.LongOrNull(At("rows_count")),
        RowsAffected = r.LongOrNull(At("rows_affected")),
        ResultSize = r.LongOrNull(At("result_size")),
        PageCount = r.IntOrNull(At("page_count")),
        Digest = r.StringOrNull(At("digest")),
        ResultSets = r.IntOrNull(At("result_sets")),
        LaneMs = r.DoubleOrNull(At("lane_ms")),
        ExecuteMs = r.DoubleOrNull(At("execute_ms")),
        EncodeMs = r.DoubleOrNull(At("encode_ms")),
        UploadMs = r.DoubleOrNull(At("upload_ms")),
        FailureCode = r.StringOrNull(At("failure_code")),
        WrappedKey = r.BytesOrNull(At("wrapped_key")),
        ErrorType = r.StringOrNull(At("error_type")),
        ErrorCode = r.IntOrNull(At("error_code")),
    }, r.BytesOrNull(At("detail")));

    static int At(string column) => QueryTable.Ordinal(column);
}
