namespace Halo.Contracts.Service;

/// <summary>The limits in force: durations in milliseconds, sizes in bytes.</summary>
/// <param name="ImmediateExecution">Longest an immediate query may execute, in milliseconds.</param>
/// <param name="AsyncExecution">Longest an async query may execute, in milliseconds; queue and upload are not counted.</param>
/// <param name="Upload">Longest the pages of an async query may take once the database has answered, in milliseconds.</param>
/// <param name="ImmediateMaxTimeInQueue">Largest <c>maxTimeInQueue</c> of an immediate query, in milliseconds.</param>
/// <param name="AsyncMaxTimeInQueue">Largest <c>maxTimeInQueue</c> of an async query, in milliseconds.</param>
/// <param name="CommandText">Most bytes of a command's text in UTF-8.</param>
/// <param name="RequestBody">Most bytes of a request's body.</param>
/// <param name="ImmediateResult">Most bytes of JSON of an immediate result; more is a 413.</param>
/// <param name="Page">About so many bytes of JSON make a page.</param>
public sealed record LimitsInForce(
    int ImmediateExecution,
    int AsyncExecution,
    int Upload,
    int ImmediateMaxTimeInQueue,
    int AsyncMaxTimeInQueue,
    int CommandText,
    int RequestBody,
    int ImmediateResult,
    int Page)
{
    /// <summary>Most immediate queries under way at one site, of all integrators, waiting ones among them; more are a 503 with the code <c>QueueFull</c>.</summary>
    public int ImmediatePerSite { get; init; }

    /// <summary>Most async queries queued at one site, of all integrators; more are a 503 with the code <c>QueueFull</c>.</summary>
    public int QueuedPerSite { get; init; }

    /// <summary>How long a caller may take nothing of an answer, or send nothing of a request, in milliseconds; then it is cut off.</summary>
    public int SlowReader { get; init; }

    /// <summary>Bytes in a second in which an answer has to be taken, and a request sent, on the whole.</summary>
    public int SlowestRate { get; init; }

    /// <summary>Hours for which results are kept, from <c>completedAt</c>; a query may ask for less (<c>retentionHours</c>).</summary>
    public int RetentionHours { get; init; }

    /// <summary>Most bytes of a request's line.</summary>
    public int RequestLine { get; init; }

    /// <summary>Most bytes of all headers of a request; more are a 431.</summary>
    public int RequestHeaders { get; init; }

    /// <summary>Most headers of a request.</summary>
    public int RequestHeaderCount { get; init; }
}
