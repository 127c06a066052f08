using System.Text.Json.Serialization;

namespace Halo.Api.Queries;

/// <summary>Tells integrators the limits in force.</summary>
public static class LimitsApi
{
    public static void MapLimitsApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/integrator/limits", (QueryLimits limits) => TypedResults.Json(
                new LimitsInForce(
                    limits.ImmediateExecutionMs, limits.AsyncExecutionMs, limits.UploadMs, QueryLimits.ImmediateQueueMs, QueryLimits.AsyncQueueMs,
                    QueryLimits.TextBytes, limits.RequestBytes, limits.ImmediateResultBytes, limits.PageBytes),
                LimitsJson.Default.LimitsInForce))
            .WithName("GetLimits").WithTags("Service").WithSummary("The limits in force").Produces<LimitsInForce>();
}

/// <summary>The limits in force: durations in milliseconds, sizes in bytes.</summary>
public sealed record LimitsInForce(
    int ImmediateExecution,
    int AsyncExecution,
    int Upload,
    int ImmediateMaxTimeInQueue,
    int AsyncMaxTimeInQueue,
    int CommandText,
    int RequestBody,
    int ImmediateResult,
    int Page);

/// <summary>Source-generated JSON of the limits.</summary>
[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(LimitsInForce))]
public sealed partial class LimitsJson : JsonSerializerContext;
