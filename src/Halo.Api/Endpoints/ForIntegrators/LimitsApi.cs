using Halo.Api.Capacity;
using Halo.Api.OpenApi;
using Halo.Api.Settings;
using Halo.Contracts.Json;
using Halo.Contracts.Service;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Tells integrators the limits in force.</summary>
static class LimitsApi
{
    public static void MapLimitsApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/integrator/limits", (QueryLimits limits, ResultOptions results) => TypedResults.Json(
                new LimitsInForce(
                    limits.ImmediateExecutionMs, limits.AsyncExecutionMs, limits.UploadMs, QueryLimits.ImmediateQueueMs, QueryLimits.AsyncQueueMs,
                    QueryLimits.TextBytes, limits.RequestBytes, limits.ImmediateResultBytes, limits.PageBytes)
                {
                    ImmediatePerSite = limits.ImmediatePerSite,
                    QueuedPerSite = limits.QueuedPerSite,
                    SlowReader = limits.SlowReaderMs,
                    SlowestRate = RequestBodies.SlowestBytesPerSecond,
                    RetentionHours = results.RetentionHours,
                    RequestLine = QueryLimits.RequestLineBytes,
                    RequestHeaders = QueryLimits.HeaderBytes,
                    RequestHeaderCount = QueryLimits.Headers,
                },
                HaloJson.Default.LimitsInForce))
            .WithTags("Service").Says("GetLimits", "The limits in force", "Durations in milliseconds, sizes in bytes. A site may allow less time: a query that runs into that ends as ExecutionTimeout.")
            .Answers(200, "The limits.", new LimitsInForce(60_000, 300_000, 3_600_000, QueryLimits.ImmediateQueueMs, QueryLimits.AsyncQueueMs,
                QueryLimits.TextBytes, 16 * 1024 * 1024, 8 * 1024 * 1024, 1024 * 1024)
            {
                ImmediatePerSite = 100,
                QueuedPerSite = 10_000,
                SlowReader = 30_000,
                SlowestRate = RequestBodies.SlowestBytesPerSecond,
                RetentionHours = 24,
                RequestLine = QueryLimits.RequestLineBytes,
                RequestHeaders = QueryLimits.HeaderBytes,
                RequestHeaderCount = QueryLimits.Headers,
            }, HaloJson.Default.LimitsInForce);
}
