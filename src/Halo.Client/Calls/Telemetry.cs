using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Halo.Client.Calls;

/// <summary>Spans and metrics under the name <c>Halo.Client</c>; nothing of a command or a row is in them. The service goes on with the trace, and the Link too.</summary>
static class Telemetry
{
    public const string Name = "Halo.Client";

    static readonly ActivitySource Source = new(Name);
    static readonly Meter Meter = new(Name);
    static readonly Counter<long> Retried = Meter.CreateCounter<long>("halo.client.retries", "{request}", "Requests that were sent again, by the reason.");

    public static Activity? Begin(string operation, Guid site) => Source.StartActivity(operation, ActivityKind.Client)?.SetTag("halo.site.id", site);

    public static void Failed(Activity? activity, HaloException failure) =>
        activity?.SetTag("halo.query.id", failure.QueryId).SetTag("error.type", ReasonOf(failure)).SetStatus(ActivityStatusCode.Error);

    public static void Repeated(HaloException failure) => Retried.Add(1, new KeyValuePair<string, object?>("error.type", ReasonOf(failure)));

    static string ReasonOf(HaloException failure) => failure.Code ?? failure.ErrorType ?? "unknown";
}
