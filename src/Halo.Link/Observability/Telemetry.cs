using System.Diagnostics;
using System.Diagnostics.Metrics;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Observability;

/// <summary>
/// Every span and metric of the agent by name, after OpenTelemetry's conventions: durations in seconds, sizes in bytes,
/// counts in braces. Nothing here ever carries SQL, values, results, keys or connection strings.
/// </summary>
/// <remarks>Without a listener an instrument costs a look at one field, and a span nothing.</remarks>
static class Telemetry
{
    /// <summary>The name of both the traces' source and the meter.</summary>
    public const string Name = "Halo.Link";

    static readonly ActivitySource Traces = new(Name, HostInformation.Version);
    static readonly Meter Meter = new(Name, HostInformation.Version);

    /// <summary>Bounds of the buckets of durations: from an immediate query that does nothing to the longest export.</summary>
    static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
    };

    static readonly Counter<long> Queries = Meter.CreateCounter<long>("halo.queries", "{query}", "Queries that ended here, by mode and ending");
    static readonly Histogram<double> Phase = Meter.CreateHistogram("halo.query.phase.duration", "s", "Time in a phase: lane, execute, encode, upload", advice: Seconds);
    static readonly Counter<long> Pages = Meter.CreateCounter<long>("halo.pages.delivered", "{page}", "Pages that the API has");
    static readonly Counter<long> PageBytes = Meter.CreateCounter<long>("halo.pages.size", "By", "Compressed bytes of pages delivered");
    static readonly Counter<long> Retries = Meter.CreateCounter<long>("halo.pages.retries", "{try}", "Deliveries of pages that failed and are tried again");
    static readonly Counter<long> SessionsOpened = Meter.CreateCounter<long>("halo.link.sessions.opened", "{session}", "Sessions opened");
    static readonly Counter<long> ConnectFailures = Meter.CreateCounter<long>("halo.link.connect.failures", "{try}", "Sessions that ended otherwise than asked, and tries that failed");

    /// <summary>A query here, as part of its caller's trace. Null where nobody listens.</summary>
    /// <param name="parent">The W3C traceparent that came with it.</param>
    public static Activity? StartQuery(QueryMode mode, Guid queryId, Guid siteId, string? parent)
    {
        if (!Traces.HasListeners())
            return null;
        _ = ActivityContext.TryParse(parent, null, isRemote: true, out var context);
        return Traces.StartActivity("halo.link.query", mode == QueryMode.Async ? ActivityKind.Consumer : ActivityKind.Server, context)
            ?.SetTag("halo.query.id", queryId).SetTag("halo.query.mode", Word(mode)).SetTag("halo.site.id", siteId);
    }

    /// <summary>A command in the database.</summary>
    /// <param name="system">OpenTelemetry's name of the database system.</param>
    public static Activity? StartDatabaseCall(string system, ExecutionMode mode)
    {
        var span = Traces.StartActivity("halo.database", ActivityKind.Client);
        span?.SetTag("db.system.name", system).SetTag("db.operation.name", mode switch
        {
            ExecutionMode.NonQuery => "nonQuery",
            ExecutionMode.Scalar => "scalar",
            _ => "reader",
        });
        return span;
    }

    /// <summary>How a command's span ends.</summary>
    public static void Conclude(Activity? span, Ending ending, long? rows, ErrorDetails? error)
    {
        if (span is null)
            return;
        span.SetTag("db.response.returned_rows", rows);
        if (ending != Ending.Successful)
            span.SetTag("error.type", error?.Code ?? error?.ErrorType ?? Word(ending)).SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>A query has ended here.</summary>
    public static void Ended(QueryMode mode, Ending ending, WorkTimings? timings)
    {
        var tag = new KeyValuePair<string, object?>("halo.query.mode", Word(mode));
        Queries.Add(1, tag, new("halo.query.ending", Word(ending)));
        if (timings is null)
            return;
        Record("lane", timings.LaneMs);
        Record("execute", timings.ExecuteMs);
        Record("encode", timings.EncodeMs);

        void Record(string phase, double ms) => Phase.Record(ms / 1000, new("halo.query.phase", phase), tag);
    }

    /// <summary>A page is with the API.</summary>
    public static void PageDelivered(long bytes)
    {
        Pages.Add(1);
        PageBytes.Add(bytes);
    }

    public static void PageRetried() => Retries.Add(1);

    public static void SessionOpened() => SessionsOpened.Add(1);

    public static void ConnectFailed() => ConnectFailures.Add(1);

    static string Word(QueryMode mode) => mode == QueryMode.Async ? "async" : "immediate";

    static string Word(Ending ending) => ending switch
    {
        Ending.Successful => "successful",
        Ending.Failed => "failed",
        Ending.Cancelled => "cancelled",
        Ending.Expired => "expired",
        _ => "unknown",
    };
}
