using System.Diagnostics;
using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;

namespace Halo.Api.Queries.Immediate;

/// <summary>The answer to an immediate query: the envelope, and the rows' bytes apart from it, still in their buffers.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Query">The envelope, without rows.</param>
sealed record ImmediateAnswer(int Status, Query Query) : IDisposable
{
    PendingQuery? _pending;
    IReadOnlyList<ArraySegment<byte>>? _kept;
    ResultMemoryBudget.Share? _room;

    /// <summary>The rows' JSON; null where the answer has none.</summary>
    public IReadOnlyList<ArraySegment<byte>>? Rows => _pending?.Chunks ?? _kept;

    /// <summary>The phases of <see cref="QueryMetrics"/> with their fractions, as the header says them; null where this answer is no execution's own.</summary>
    public string? ServerTiming { get; private init; }

    /// <summary>When the caller may well try again, of an answer 503.</summary>
    public TimeSpan RetryAfter { get; private init; } = DatabaseRetry.Usual;

    /// <summary>The Link told the end.</summary>
    public static ImmediateAnswer Of(NewQuery query, DateTimeOffset sentAt, Settlement end, PendingQuery pending)
    {
        var (queueMs, timings) = ((sentAt - query.CreatedAt).TotalMilliseconds, end.Timings!);
        var envelope = Envelope(query, sentAt, end.At!.Value) with
        {
            Notices = end.Notices ?? query.Notices,
            // By the moments as they are shown, so that the ledger says the same later.
            Metrics = QueryView.Metrics(sentAt.Ms() - query.CreatedAt.Ms(), timings.LaneMs, timings.ExecuteMs, timings.EncodeMs),
        };
        return Of(envelope, end, pending) with
        {
            ServerTiming = string.Create(CultureInfo.InvariantCulture,
                $"queue;dur={queueMs:0.###}, link;dur={timings.LaneMs:0.###}, sql;dur={timings.ExecuteMs:0.###}, encode;dur={timings.EncodeMs:0.###}"),
        };
    }

    static ImmediateAnswer Of(Query envelope, Settlement end, PendingQuery pending)
    {
        if (end.Status != QueryStatus.Successful)
        {
            pending.Dispose();
            var answer = Of(Failed(envelope, end.Status, end.Executed!.Value, end.Error!));
            return end.RetryAfterMs is { } wait ? answer with { RetryAfter = DatabaseRetry.Of(wait) } : answer;
        }
        var hasRows = end.Results?.Any(r => r.Rows is not null) ?? end.RowsAffected is null;
        if (hasRows && (pending.Received != end.Size || !pending.IsWhole || end.Results is { } parts && parts.Sum(r => r.Size) != end.Size))
        {
            // The line broke between rows and outcome, or there were more than may be: it was done, and what it brought is lost.
            pending.Dispose();
            return Of(Failed(envelope, QueryStatus.Successful, Executed.Yes, Failure.RowsLost));
        }
        var success = new ImmediateAnswer(200, envelope with { Status = QueryStatus.Successful, ResultSize = end.Size });
        success = end.Results is { } results
            ? success with { Query = success.Query with { Results = BatchResults.Show(results) } }
            : success with { Query = success.Query with { Result = ResultOf(end, pending) } };
        if (hasRows)
            success._pending = pending;
        else
            pending.Dispose();
        return success;
    }

    static QueryResult ResultOf(Settlement end, PendingQuery pending) => new()
    {
        Rows = end.Rows,
        RowsAffected = end.RowsAffected,
        Size = end.Size!.Value,
        Parameters = end.Parameters ?? [],
        Columns = pending.Columns,
        ResultSets = end.ResultSets,
    };

    /// <summary>It ended before it was sent.</summary>
    public static ImmediateAnswer Of(NewQuery query, Settlement end) => Of(Failed(Envelope(query, null, end.At!.Value), end.Status, end.Executed!.Value, end.Error!));

    /// <summary>What the ledger shows.</summary>
    public static ImmediateAnswer Of(Query query)
    {
        var status = HttpStatusOf(query);
        if (status is not (503 or 504))
            return new(status, query);
        var refusal = new Refusal(status, CodeOf(query), query.ErrorDetails?.ErrorMessage ?? "The query did not end in time.");
        return new(status, query with { Error = refusal.ToError() });
    }

    /// <summary>The answer that was given before.</summary>
    /// <param name="room">What its rows take; given back with the answer.</param>
    public static ImmediateAnswer Of(KeptAnswer kept, ResultMemoryBudget.Share? room) => new(kept.Status, kept.Query) { _kept = kept.Rows, _room = room };

    /// <summary>Its rows are held once more, in another form, until it is disposed.</summary>
    public void Copied(long bytes)
    {
        _pending?.Copied(bytes);
        _room?.Copy(bytes);
    }

    /// <summary>A repeat that waited as long as it may for the first.</summary>
    public static ImmediateAnswer StillRunning(Query query) => Of(Failed(query, query.Status, Executed.Unknown, Failure.StillRunning));

    /// <summary>No word of its end came in time: it is not final yet.</summary>
    public static ImmediateAnswer NoAnswer(NewQuery query, DateTimeOffset sentAt, DateTimeOffset now)
    {
        var envelope = Envelope(query, sentAt, now) with { CompletedAt = null };
        return Of(Failed(envelope with { StatusTiming = Timing(query, sentAt, null) }, QueryStatus.Executing, Executed.Unknown, Failure.NoAnswer));
    }

    /// <summary>The Link said how it ended, and the store could not take it: the caller is told what is known, and not to repeat blindly.</summary>
    public static ImmediateAnswer NotRecorded(NewQuery query, DateTimeOffset sentAt, Settlement end, PendingQuery pending)
    {
        pending.Dispose();
        var executed = end.Executed ?? Executed.Yes;
        var envelope = Envelope(query, sentAt, end.At!.Value) with { CompletedAt = null };
        return Of(Failed(envelope with { StatusTiming = Timing(query, sentAt, null) }, QueryStatus.Executing, executed, Failure.NotRecorded(executed)));
    }

    /// <summary>For a caller whose right was taken away while the query was under way: how it ended is told, and nothing of what it brought.</summary>
    public ImmediateAnswer Withheld(Refusal refusal)
    {
        var error = new ErrorDetails(ErrorTypes.Http, refusal.Status, refusal.Message) { Code = Query.ErrorDetails?.Code };
        var executed = Query.Executed ?? (Query.Status == QueryStatus.Successful ? Executed.Yes : Executed.Unknown);
        return new(refusal.Status, Failed(Query, Query.Status, executed, error) with { Result = null, Results = null, ResultSize = null, Notices = null, Error = refusal.ToError() });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pending?.Dispose();
        _room?.Dispose();
    }

    static Query Failed(Query envelope, QueryStatus status, Executed executed, ErrorDetails error) => envelope with
    {
        Status = status,
        Executed = executed,
        ErrorDetails = error,
        ErrorCode = error.ErrorCode,
        ErrorMessage = error.ErrorMessage,
    };

    /// <summary>What is known of every query that was sent; its end is still to come.</summary>
    internal static Query Envelope(NewQuery query, DateTimeOffset? sentAt, DateTimeOffset completedAt) => new()
    {
        Id = query.Id,
        IntegratorId = query.IntegratorId,
        SiteId = query.SiteId,
        Mode = query.Mode,
        Status = QueryStatus.Executing,
        MaxTimeInQueue = query.MaxTimeInQueue,
        CommandSize = query.CommandSize,
        RequestSize = query.RequestSize,
        SqlQuerySize = query.SqlSize,
        Tag = query.Tag,
        Notices = query.Notices,
        CreatedAt = query.CreatedAt,
        UpdatedAt = completedAt,
        CompletedAt = completedAt,
        StatusTiming = Timing(query, sentAt, completedAt),
    };

    static StatusTiming Timing(NewQuery query, DateTimeOffset? sentAt, DateTimeOffset? completedAt) => new()
    {
        Initialising = new Period(query.CreatedAt, sentAt ?? completedAt),
        Executing = sentAt is { } sent ? new Period(sent, completedAt) : null,
    };

    /// <summary>The contract's table: ours and the way's errors carry their HTTP status, a database's are 400, except where it took no command at all.</summary>
    static int HttpStatusOf(Query query) => query switch
    {
        { ErrorDetails.Code: FailureCodes.DatabaseUnavailable } => 503,
        { ErrorDetails: null, Status: QueryStatus.Successful } => 200,
        { ErrorDetails: { ErrorType: ErrorTypes.HaloLink or ErrorTypes.Http, ErrorCode: >= 400 and <= 599 } error } => error.ErrorCode,
        { ErrorDetails: not null } => 400,
        _ => throw new UnreachableException(),
    };

    /// <summary>The code of the query's own failure: both say the same.</summary>
    static string CodeOf(Query query) => query.ErrorDetails?.Code ?? (query.ErrorDetails?.ErrorCode == 504 ? ErrorCodes.NoAnswer : ErrorCodes.ServiceUnavailable);
}
