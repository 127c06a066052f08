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

    /// <summary>How it is answered.</summary>
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

    /// <summary>When it was accepted, by the API's clock.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its state last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When it became final.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>When each state began and ended.</summary>
    public required StatusTiming StatusTiming { get; init; }

    /// <summary>Durations, once executed.</summary>
    public QueryMetrics? Metrics { get; init; }

    /// <summary>Whether the database did it; on every final state other than successful, and on 413 and 504.</summary>
    public Executed? Executed { get; init; }

    /// <summary>The caller's own mark, from the header <c>Halo-Tag</c>: 1 to 64 characters.</summary>
    public string? Tag { get; init; }

    /// <summary>Bytes of the result as JSON, once successful.</summary>
    public long? ResultSize { get; init; }

    /// <summary>What it brought back.</summary>
    public QueryResult? Result { get; init; }

    /// <summary>Why it failed.</summary>
    public ErrorDetails? ErrorDetails { get; init; }

    /// <summary>Deprecated: the same as in <c>errorDetails</c>.</summary>
    public int? ErrorCode { get; init; }

    /// <summary>Deprecated: the same as in <c>errorDetails</c>.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>The general error beside the envelope, on 503 and 504.</summary>
    public ApiError? Error { get; init; }
}

/// <summary>When each state began and ended, by the API's clock.</summary>
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

/// <summary>A time span; without an end while it lasts.</summary>
/// <param name="StartTime">Its first moment.</param>
/// <param name="EndTime">Its last moment.</param>
public sealed record Period(DateTimeOffset StartTime, DateTimeOffset? EndTime);

/// <summary>Durations of a query in milliseconds.</summary>
public sealed record QueryMetrics
{
    /// <summary>From sending to the database until its answer begins, in milliseconds.</summary>
    public double? SqlExecutionDuration { get; init; }

    /// <summary>From acceptance until the Link had it. These phases follow each other: their sum is at most the time from <c>createdAt</c> to <c>completedAt</c>.</summary>
    public double? QueueDuration { get; init; }

    /// <summary>In the Link's lane before the database got it.</summary>
    public double? LinkDuration { get; init; }

    /// <summary>Reading and encoding rows.</summary>
    public double? EncodeDuration { get; init; }

    /// <summary>From the database's last row until every page was stored.</summary>
    public double? UploadDuration { get; init; }
}
