using Halo.Api.Basics;
using Halo.Api.Capacity;
using Halo.Api.OpenApi;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Service;

namespace Halo.Api.Health;

/// <summary>Whether the service lives, and whether it can take work.</summary>
static class HealthApi
{
    static readonly TimeSpan CheckWithin = TimeSpan.FromSeconds(5);

    public static void MapHealthApi(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", () => TypedResults.Json(new HealthReport("live", ProductVersion.Text, []), HaloJson.Default.HealthReport))
            .WithTags("Service").Says("Live", "The process answers", "Asks nothing of the store.")
            .Answers(200, "It lives.", new HealthReport("live", "26.305.12", []), HaloJson.Default.HealthReport);
        routes.MapGet("/health/ready", ReadyAsync)
            .WithTags("Service").Says("Ready", "It can take work; else what is not ready, by name", "For load balancers.")
            .Answers(200, "It can take work.", new HealthReport("ready", "26.305.12", []), HaloJson.Default.HealthReport)
            .Answers(503, "It cannot.", new HealthReport("notReady", "26.305.12", ["store"]), HaloJson.Default.HealthReport);
    }

    static async Task<IResult> ReadyAsync(Database database, DataDirectory directory, FreeSpace disk, IHostApplicationLifetime lifetime, TimeProvider time)
    {
        var missing = new List<string>();
        if (!lifetime.ApplicationStarted.IsCancellationRequested)
            missing.Add("starting");
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            missing.Add("stopping");
        if (database.RefusesWrites || !await StoreAnswersAsync(database, time))
            missing.Add("store");
        if (!Directory.Exists(directory.Path))
            missing.Add("dataDirectory");
        // A disk that is nearly full stops new async work alone: whoever asks for immediate work is to be let through.
        if (missing.Count == 0 && disk.IsLow)
            return TypedResults.Json(new HealthReport("degraded", ProductVersion.Text, ["disk"]), HaloJson.Default.HealthReport);
        return TypedResults.Json(new HealthReport(missing.Count == 0 ? "ready" : "notReady", ProductVersion.Text, missing),
            HaloJson.Default.HealthReport, statusCode: missing.Count == 0 ? 200 : 503);
    }

    static async Task<bool> StoreAnswersAsync(Database database, TimeProvider time)
    {
        try
        {
            using var limit = new CancellationTokenSource(CheckWithin, time);
            await database.PingAsync(limit.Token);
            return true;
        }
        catch (Exception e) when (e is System.Data.Common.DbException or OperationCanceledException or TimeoutException or IOException)
        {
            return false;
        }
    }
}
