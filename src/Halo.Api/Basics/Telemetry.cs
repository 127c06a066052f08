using System.Diagnostics;
using System.Diagnostics.Metrics;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Basics;

/// <summary>
/// Every span and metric of the service by name, after OpenTelemetry's conventions: durations in seconds, sizes in bytes,
/// counts in braces. Nothing here ever carries SQL, values, results or keys.
/// </summary>
/// <remarks>Without a listener an instrument costs a look at one field, and a span nothing.</remarks>
static class Telemetry
{
    /// <summary>The name of both the traces' source and the meter.</summary>
    public const string Name = "Halo.Api";

    static readonly ActivitySource Traces = new(Name, ProductVersion.Text);
    static readonly Meter Meter = new(Name, ProductVersion.Text);

    /// <summary>Bounds of the buckets of durations: from an immediate query that does nothing to the longest export.</summary>
    static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
    };

    /// <summary>From a write alone to the largest group.</summary>
    static readonly InstrumentAdvice<int> Writes = new() { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] };

    static readonly Counter<long> Queries = Meter.CreateCounter<long>("halo.queries", "{query}", "Queries that became final, by mode and state");
    static readonly Histogram<double> QueryDuration = Meter.CreateHistogram("halo.query.duration", "s", "From acceptance to the final state", advice: Seconds);
    static readonly Histogram<double> Phase = Meter.CreateHistogram("halo.query.phase.duration", "s", "Time in a phase: lane, execute, encode, upload", advice: Seconds);
    static readonly Counter<long> Rows = Meter.CreateCounter<long>("halo.rows", "{row}", "Rows of finished queries");
    static readonly Counter<long> ResultBytes = Meter.CreateCounter<long>("halo.result.size", "By", "JSON of finished queries");
    static readonly Counter<long> Pages = Meter.CreateCounter<long>("halo.pages.stored", "{page}", "Pages stored, durable with their row");
    static readonly Counter<long> PageBytes = Meter.CreateCounter<long>("halo.pages.size", "By", "Compressed bytes of pages stored");
    static readonly Histogram<int> GroupSize = Meter.CreateHistogram("halo.ledger.group.size", "{write}", "Writes that shared one commit", advice: Writes);
    static readonly Histogram<double> CommitDuration = Meter.CreateHistogram("halo.ledger.commit.duration", "s", "One group commit, sync included", advice: Seconds);
    static readonly Counter<long> CommitFailures = Meter.CreateCounter<long>("halo.ledger.commit.failures", "{commit}", "Group commits that the store refused");
    static readonly Counter<long> SessionsOpened = Meter.CreateCounter<long>("halo.link.sessions.opened", "{session}", "Sessions of Links opened");
    static readonly Counter<long> SessionsClosed = Meter.CreateCounter<long>("halo.link.sessions.closed", "{session}", "Sessions of Links ended, by reason");

    static readonly Histogram<double> WebhookDuration =
        Meter.CreateHistogram("halo.webhook.attempt.duration", "s", "One attempt to deliver an event, by outcome: delivered, failed, givenUp", advice: Seconds);

    static readonly Counter<long> Removals = Meter.CreateCounter<long>("halo.retention.removed", "{item}", "What was kept as long as it should and was removed, by kind: results, pages, answers, queries, audit");
    static readonly Counter<long> RemovedBytes = Meter.CreateCounter<long>("halo.retention.size", "By", "Compressed bytes of pages that were removed");
    static readonly Counter<long> Refusals = Meter.CreateCounter<long>("halo.requests.refused", "{request}", "Requests refused for a bound of the service: QueueFull, StorageFull");

    /// <summary>A query on its way to its Link. Null where nobody listens.</summary>
    public static Activity? StartQuery(Guid id, QueryMode mode, Guid siteId, Guid integratorId)
    {
        var span = Traces.StartActivity("halo.query", ActivityKind.Client);
        span?.SetTag("halo.query.id", id).SetTag("halo.query.mode", Word(mode))
            .SetTag("halo.site.id", siteId).SetTag("halo.integrator.id", integratorId);
        return span;
    }

    /// <summary>How a query's span ends.</summary>
    /// <param name="status">Its final state, as the contract calls it.</param>
    public static void Conclude(Activity? span, string status, bool isSuccess)
    {
        span?.SetTag("halo.query.status", status);
        if (!isSuccess)
            span?.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>What a message carries so that the trace goes on at the Link (W3C traceparent); null where there is none to go on.</summary>
    public static string? TraceParent =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } span && (span.Recorded || span.HasRemoteParent) ? span.Id : null;

    /// <summary>A query has become final.</summary>
    /// <param name="status">Its final state, as the contract calls it.</param>
    public static void Ended(Guid queryId, QueryMode mode, string status, DateTimeOffset now)
    {
        var tags = new TagList { { "halo.query.mode", Word(mode) }, { "halo.query.status", status } };
        Queries.Add(1, tags);
        // The id is of version 7: its first 48 bits are the moment of acceptance.
        if (QueryDuration.Enabled)
            QueryDuration.Record(Math.Max(0, (now - Accepted(queryId)).TotalSeconds), tags);
    }

    /// <summary>What a finished query took and gave.</summary>
    public static void Worked(QueryMode mode, WorkTimings? timings, double? uploadMs, long? rows, long? size)
    {
        var tag = new KeyValuePair<string, object?>("halo.query.mode", Word(mode));
        if (timings is not null)
        {
            Record("lane", timings.LaneMs);
            Record("execute", timings.ExecuteMs);
            Record("encode", timings.EncodeMs);
        }
        if (uploadMs is { } upload)
            Record("upload", upload);
        Rows.Add(rows ?? 0, tag);
        ResultBytes.Add(size ?? 0, tag);

        void Record(string phase, double ms) => Phase.Record(ms / 1000, new("halo.query.phase", phase), tag);
    }

    /// <summary>A page is durable.</summary>
    public static void PageStored(long bytes)
    {
        Pages.Add(1);
        PageBytes.Add(bytes);
    }

    /// <summary>A moment to measure from. Real time: what is measured here is the machine's work, never a decision.</summary>
    public static long Moment => TimeProvider.System.GetTimestamp();

    /// <summary>One group commit of the store.</summary>
    /// <param name="started">The <see cref="Moment"/> before it.</param>
    public static void Committed(int writes, long started, bool stored)
    {
        GroupSize.Record(writes);
        CommitDuration.Record(TimeProvider.System.GetElapsedTime(started).TotalSeconds);
        if (!stored)
            CommitFailures.Add(1);
    }

    /// <summary>A round of retention has taken so much.</summary>
    public static void Removed(int results, int pages, long bytes, int answers, int queries, int audit)
    {
        foreach (var (kind, count) in new[] { ("results", results), ("pages", pages), ("answers", answers), ("queries", queries), ("audit", audit) })
            Removals.Add(count, new KeyValuePair<string, object?>("halo.retention.kind", kind));
        RemovedBytes.Add(bytes);
    }

    /// <summary>An event was posted to a webhook.</summary>
    /// <param name="outcome">What came of it: delivered, failed (it is tried again), givenUp.</param>
    /// <param name="duration">Milliseconds.</param>
    public static void WebhookTried(string outcome, long duration) => WebhookDuration.Record(duration / 1000.0, new KeyValuePair<string, object?>("halo.webhook.outcome", outcome));

    /// <summary>A bound of the service was reached.</summary>
    public static void Refused(string code) => Refusals.Add(1, new KeyValuePair<string, object?>("halo.error.code", code));

    public static void SessionOpened() => SessionsOpened.Add(1);

    /// <param name="reason">As the line gives it; null: it broke. What is no word of the protocol's counts as one, so that nobody can fill the series.</param>
    public static void SessionClosed(string? reason) => SessionsClosed.Add(1, new KeyValuePair<string, object?>("halo.close.reason",
        reason is null ? "broken" : LineCloseReason.IsKnown(reason) ? reason : "other"));

    static DateTimeOffset Accepted(Guid queryId)
    {
        Span<byte> bytes = stackalloc byte[16];
        queryId.TryWriteBytes(bytes, bigEndian: true, out _);
        return DateTimeOffset.FromUnixTimeMilliseconds(System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes) >> 16);
    }

    static string Word(QueryMode mode) => mode == QueryMode.Async ? "async" : "immediate";
}
