using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;

namespace Halo.Api.Ledger.Records;

/// <summary>A query as integrators see it.</summary>
static class QueryView
{
    /// <summary>What the ledger has, and nothing that it has not yet.</summary>
    public static Query Of(QueryRecord q)
    {
        var error = ErrorOf(q);
        return new()
        {
            Id = q.Id,
            IntegratorId = q.IntegratorId,
            SiteId = q.SiteId,
            Mode = q.Mode,
            Status = q.Status,
            MaxTimeInQueue = q.MaxTimeInQueue,
            CommandSize = q.CommandSize,
            RequestSize = q.RequestSize,
            SqlQuerySize = q.SqlSize,
            CreatedAt = q.CreatedAt,
            UpdatedAt = q.UpdatedAt,
            CompletedAt = q.CompletedAt,
            StatusTiming = TimingOf(q),
            Metrics = MetricsOf(q),
            Executed = q.Executed,
            Tag = q.Tag,
            RetentionHours = q.RetentionHours,
            ResultSize = q.Status == QueryStatus.Successful ? q.ResultSize : null,
            Result = q.Detail.Results is null ? ResultOf(q) : null,
            Results = q.Detail is { Results: { } results } && q.Status is QueryStatus.Uploading or QueryStatus.Successful
                ? BatchResults.Show(results, q.Mode == QueryMode.Async ? q.Pages : null, q.Status == QueryStatus.Successful)
                : null,
            Notices = Notice.Join(q.Detail.Notices, q.Detail.DatabaseNotices),
            ErrorDetails = error,
            ErrorCode = error?.ErrorCode,
            ErrorMessage = error?.ErrorMessage,
        };
    }

    static ErrorDetails? ErrorOf(QueryRecord q)
    {
        if (!QueryLifecycle.IsFinal(q.Status) || q.Status == QueryStatus.Successful)
            return null;
        return q.Detail.Error ?? (q is { FailureCode: null, ErrorType: { } type, ErrorCode: { } code }
            ? new ErrorDetails(type, code, "The database refused the query; its words are no longer kept.")
            : Failure.Of(q.FailureCode ?? FailureCodes.LinkError));
    }

    static StatusTiming TimingOf(QueryRecord q) => new()
    {
        Initialising = new(q.CreatedAt, q.QueuedAt ?? q.ExecutingAt ?? q.CompletedAt),
        Queued = q.QueuedAt is { } queued ? new(queued, q.ExecutingAt ?? q.CompletedAt) : null,
        Executing = q.ExecutingAt is { } executing ? new(executing, q.UploadingAt ?? q.CompletedAt) : null,
        Uploading = q.UploadingAt is { } uploading ? new(uploading, q.CompletedAt) : null,
    };

    static QueryMetrics? MetricsOf(QueryRecord q) => q.ExecuteMs is null && q.LaneMs is null ? null
        : Metrics((q.ExecutingAt - q.CreatedAt)?.TotalMilliseconds, q.LaneMs, q.ExecuteMs, q.EncodeMs, q.UploadMs);

    /// <summary>The contract's durations are whole; rounded down, their sum is never more than the whole time.</summary>
    public static QueryMetrics Metrics(double? queue, double? lane, double? execute, double? encode, double? upload = null) => new()
    {
        SqlExecutionDuration = (long?)execute,
        QueueDuration = (long?)queue,
        LinkDuration = (long?)lane,
        EncodeDuration = (long?)encode,
        UploadDuration = (long?)upload,
    };

    static QueryResult? ResultOf(QueryRecord q)
    {
        var done = q.Status == QueryStatus.Successful;
        var isUnderWay = q.Mode == QueryMode.Async && q.Status is (QueryStatus.Executing or QueryStatus.Uploading)
            && (q.Pages.Count > 0 || q.Detail.Columns is not null);
        if (!done && !isUnderWay)
            return null;
        return new()
        {
            Rows = q.RowsAffected is null ? q.Rows : null,
            RowsAffected = q.RowsAffected,
            Size = done ? q.ResultSize ?? 0 : q.Pages.Sum(p => p.JsonSize),
            Parameters = done ? q.Detail.Parameters ?? [] : null,
            Columns = q.Detail.Columns,
            ResultSets = q.ResultSets,
            Pages = q.Mode == QueryMode.Async
                ? [.. q.Pages.Select(PageOf)]
                : null,
        };
    }

    /// <summary>A page that can be read.</summary>
    public static ResultPage PageOf(PageRow p) => new(p.PageNumber, PageStatus.Cached, p.JsonSize, RowRange.From(p.RowStart, p.RowCount));
}
