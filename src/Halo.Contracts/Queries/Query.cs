using Halo.Contracts.Errors;

namespace Halo.Contracts.Queries;

/// <summary>A query as every answer shows it.</summary>
public sealed record Query
{
    /// <summary>Id of the query.</summary>
    public required Guid Id { get; init; }

    /// <summary>Who asked.</summary>
    public required Guid IntegratorId { get; init; }

    /// <summary>Whom: the Halo GUID.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>How it is answered: in the response, or in stored pages.</summary>
    public required QueryMode Mode { get; init; }

    /// <summary>Where it stands.</summary>
    public required QueryStatus Status { get; init; }

    /// <summary>Milliseconds it may wait before the database gets it: immediate 0 to 60000, async 0 to 7200000.</summary>
    public required int MaxTimeInQueue { get; init; }

    /// <summary>Bytes of the command as JSON.</summary>
    public required long CommandSize { get; init; }

    /// <summary>Bytes of the request's body.</summary>
    public required long RequestSize { get; init; }

    /// <summary>Bytes of the text in UTF-8.</summary>
    public required long SqlQuerySize { get; init; }

    /// <summary>When it was accepted: UTC, milliseconds, the API's clock, as all times of a query.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its state last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When it became final; absent until then. Results are kept from this moment on.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>When each state began and ended.</summary>
    public required StatusTiming StatusTiming { get; init; }

    /// <summary>Durations, once executed; absent before, and where the database was never asked.</summary>
    public QueryMetrics? Metrics { get; init; }

    /// <summary>Whether the database did it; on every final state other than successful, and on 413 and 504. Where it is <c>no</c> a repeat is safe.</summary>
    public Executed? Executed { get; init; }

    /// <summary>The caller's own mark, from the header <c>Halo-Tag</c>: 1 to 64 characters; absent where none was sent.</summary>
    public string? Tag { get; init; }

    /// <summary>Hours from its end for which its results are kept, where the request said so.</summary>
    public int? RetentionHours { get; init; }

    /// <summary>Bytes of the result as JSON, once successful.</summary>
    public long? ResultSize { get; init; }

    /// <summary>What it brought back, once successful; of an async query also what is there of its pages before. Absent in lists.</summary>
    public QueryResult? Result { get; init; }

    /// <summary>Of a batch, in place of <c>result</c>: what each of its commands brought back, in their order, once successful.</summary>
    public IReadOnlyList<QueryResult>? Results { get; init; }

    /// <summary>What the caller should know and is no error, in order: unknown fields of the request, then the database's messages. Absent where there is nothing.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Why it failed; on every final state other than successful, and on 413 and 504.</summary>
    public ErrorDetails? ErrorDetails { get; init; }

    /// <summary>Deprecated: <c>errorDetails.errorCode</c> once more.</summary>
    public int? ErrorCode { get; init; }

    /// <summary>Deprecated: <c>errorDetails.errorMessage</c> once more.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>The general error beside the envelope, on 503 and 504.</summary>
    public ApiError? Error { get; init; }
}

/// <summary>When each state began and ended, by the API's clock; absent is a state in which the query never was.</summary>
public sealed record StatusTiming
{
    /// <summary>Accepted until stored or sent.</summary>
    public Period? Initialising { get; init; }

    /// <summary>Waiting for the Link's claim.</summary>
    public Period? Queued { get; init; }

    /// <summary>With the Link.</summary>
    public Period? Executing { get; init; }

    /// <summary>Kept for programs of the original service; Halo has no such state.</summary>
    public Period? Downloading { get; init; }

    /// <summary>Pages on their way.</summary>
    public Period? Uploading { get; init; }
}

/// <summary>A time span.</summary>
/// <param name="StartTime">Its first moment: UTC, milliseconds.</param>
/// <param name="EndTime">Its last moment: UTC, milliseconds; absent while it lasts.</param>
public sealed record Period(DateTimeOffset StartTime, DateTimeOffset? EndTime);

/// <summary>Durations of a query in whole milliseconds, rounded down; absent what it did not come to.</summary>
/// <remarks>The phases follow each other: their sum is at most the time from <c>createdAt</c> to <c>completedAt</c>. The header Server-Timing has them with fractions.</remarks>
public sealed record QueryMetrics
{
    /// <summary>Milliseconds from sending to the database until its answer begins.</summary>
    public long? SqlExecutionDuration { get; init; }

    /// <summary>Milliseconds from acceptance until the command was sent to the Link (immediate) or claimed by it (async).</summary>
    public long? QueueDuration { get; init; }

    /// <summary>Milliseconds at the Link, in the lane, before the database got it.</summary>
    public long? LinkDuration { get; init; }

    /// <summary>Milliseconds of reading and encoding rows.</summary>
    public long? EncodeDuration { get; init; }

    /// <summary>Milliseconds from the database's last row until every page was stored; async queries with pages alone.</summary>
    public long? UploadDuration { get; init; }
}
