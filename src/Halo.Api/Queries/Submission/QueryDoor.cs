using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Submission;

/// <summary>Everything that is asked of a query before it is one: the site may be queried, and the request is whole.</summary>
sealed class QueryDoor(
    SiteAccess access, QueryRequestReader reader, ImmediateQueries immediate, ImmediateStreams streams, ImmediateAnswerWriter writer, AsyncQueries async,
    PendingQueries pending, Quotas quotas, QueryLimits limits, RequestMemory memory, Database database)
{
    /// <summary>Runs immediate queries.</summary>
    public ImmediateQueries Immediate => immediate;

    /// <summary>Runs immediate queries whose rows are sent on as they come.</summary>
    public ImmediateStreams Streams => streams;

    /// <summary>Writes their answers.</summary>
    public ImmediateAnswerWriter Writer => writer;

    /// <summary>Takes async queries in.</summary>
    public AsyncQueries Async => async;

    /// <summary>Reads a request, or tells why it is refused.</summary>
    public async Task<(SiteRecord? Site, QuerySubmission? Submission, Refusal? Refusal)> ReadAsync(HttpContext http, string siteId, QueryMode? mode)
    {
        if (access.ForQuery(http.Caller(), siteId) is { Refusal: { } refusal })
            return (null, null, refusal);
        var (body, unreadable) = await ReadBodyAsync(http);
        return unreadable is null ? await ExamineAsync(http, siteId, body, mode) : (null, null, unreadable);
    }

    /// <summary>The same, of a body that was read.</summary>
    public async Task<(SiteRecord? Site, QuerySubmission? Submission, Refusal? Refusal)> ExamineAsync(
        HttpContext http, string siteId, ReadOnlyMemory<byte> body, QueryMode? mode)
    {
        var (site, refusal) = access.ForQuery(http.Caller(), siteId);
        if (site is null)
            return (null, null, refusal);
        if (database.Waiting + pending.Refused >= limits.LedgerQueue)
            return (null, null, LedgerFull);
        var (read, invalid) = reader.Read(body, mode, site);
        if (read is null)
            return (null, null, invalid);
        var (submission, faulty) = QueryRequestReader.WithExtras(read, http.Request);
        if (submission is not null && await quotas.TakeAsync(http.Integrator()) is { } spent)
            return (null, null, spent);
        return (site, submission, faulty);
    }

    /// <summary>How long a caller of this request expects to wait for its answer at most.</summary>
    public TimeSpan PatienceOf(ReadOnlyMemory<byte> body, QueryMode? mode, SiteRecord site) => TimeSpan.FromMilliseconds(
        reader.Read(body, mode, site).Submission is { Mode: QueryMode.Immediate } asked
            ? (long)asked.MaxTimeInQueue + asked.ExecutionLimitMs(limits) + limits.GraceMs
            : QueryLimits.ImmediateQueueDefaultMs);

    /// <summary>The JSON body, or why there is none.</summary>
    public async Task<(ReadOnlyMemory<byte> Body, Refusal? Refusal)> ReadBodyAsync(HttpContext http)
    {
        if (http.Request.ContentType is { Length: > 0 } type && !type.Contains("json", StringComparison.OrdinalIgnoreCase))
            return (default, new Refusal(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json."));
        var (body, refusal) = await RequestBody.ReadAsync(http, limits.RequestBytes, memory);
        return (body ?? default, refusal);
    }

    static readonly Refusal LedgerFull = new(503, ErrorCodes.QueueFull, "The service's store is behind with its writes. Nothing ran; try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    };
}
