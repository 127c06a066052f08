using System.Net;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Soak.Workload;
using Halo.Soak.World;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.Soak.Checks;

/// <summary>When nothing is broken any more: every query comes to its end in time, and is found again.</summary>
sealed class Finals(SoakWorld world)
{
    static readonly QueryStatus[] Open = [QueryStatus.Initialising, QueryStatus.Queued, QueryStatus.Executing, QueryStatus.Uploading];

    /// <summary>The longest that a query may take whose every deadline was used, and slack for a loaded machine.</summary>
    static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(6000 + SoakWorld.AsyncMs + SoakWorld.UploadMs + 2 * SoakWorld.GraceMs + SoakWorld.ReturnWithinMs + 15_000);

    /// <summary>Both sites answer again, without anybody's help.</summary>
    public async Task RecoveredAsync()
    {
        foreach (var practice in world.Practices)
        {
            try
            {
                await Eventually.BecomesAsync(() => TryAsync(practice), status => status == HttpStatusCode.OK, TimeSpan.FromSeconds(40));
            }
            catch (TimeoutException e)
            {
                world.Notebook.Defect($"The site on {practice.Engine} does not answer though everything is whole: {e.Message}");
            }
        }
    }

    /// <summary>No query is open any more.</summary>
    public async Task AllFinalAsync()
    {
        try
        {
            await Eventually.BecomesAsync(OpenAsync, open => open.Count == 0, Longest);
        }
        catch (TimeoutException)
        {
            foreach (var query in await OpenAsync())
                world.Notebook.Defect($"Not final in time: {query.Id} {query.Mode} {query.Status} since {query.UpdatedAt:HH:mm:ss.fff}, created {query.CreatedAt:HH:mm:ss.fff}, tag {query.Tag}");
        }
    }

    /// <summary>Every query that the API has since then, by its mark: one for each asking, and more where a key was freed by "executed no".</summary>
    public async Task<ILookup<string, Query>> AllSinceAsync(DateTimeOffset from)
    {
        var all = new List<Query>();
        foreach (var integrator in world.Integrators)
            foreach (var practice in world.Practices)
                all.AddRange(await ListAsync(integrator, practice, $"from={from:yyyy-MM-ddTHH:mm:ss.fffZ}"));
        return all.OrderBy(q => q.Id).ToLookup(q => q.Tag ?? "");
    }

    async Task<HttpStatusCode?> TryAsync(Practice practice)
    {
        try
        {
            return (await world.Integrators[0].ImmediateAsync(practice.SiteId, "SELECT 1 AS one", maxTimeInQueue: 2000)).Status;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    async Task<IReadOnlyList<Query>> OpenAsync()
    {
        var open = new List<Query>();
        foreach (var integrator in world.Integrators)
            foreach (var practice in world.Practices)
                foreach (var status in Open)
                    open.AddRange(await ListAsync(integrator, practice, $"status={JsonNamingPolicy.CamelCase.ConvertName(status.ToString())}"));
        return open;
    }

    static async Task<IReadOnlyList<Query>> ListAsync(IntegratorClient integrator, Practice practice, string filter)
    {
        var all = new List<Query>();
        for (string? after = ""; after is not null;)
        {
            var answer = await integrator.GetAsync($"integrator/sites/{practice.SiteId}/queries?limit=1000&{filter}{after}");
            if (answer.Status != HttpStatusCode.OK)
                throw new InvalidOperationException($"The list of queries: {answer}");
            var page = JsonSerializer.Deserialize(answer.Body, HaloJson.Default.QueryList)!;
            all.AddRange(page.Queries);
            after = page.Next is { } next ? $"&after={next}" : null;
        }
        return all;
    }
}
