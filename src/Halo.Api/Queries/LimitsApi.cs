using System.Text.Json.Serialization;
using Halo.Api.OpenApi;

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
            .WithTags("Service").Says("GetLimits", "The limits in force", "Durations in milliseconds, sizes in bytes. A site may allow less time: a query that runs into that ends as ExecutionTimeout.")
            .Answers(200, "The limits.", new LimitsInForce(60_000, 300_000, 3_600_000, QueryLimits.ImmediateQueueMs, QueryLimits.AsyncQueueMs,
                QueryLimits.TextBytes, 16 * 1024 * 1024, 8 * 1024 * 1024, 1024 * 1024), LimitsJson.Default.LimitsInForce);
}

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
    int Page);

/// <summary>Source-generated JSON of the limits.</summary>
[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(LimitsInForce))]
public sealed partial class LimitsJson : JsonSerializerContext;
