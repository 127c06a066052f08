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

    /// <summary>The query behind what was asked; null where the API never had it.</summary>
    public static async Task<Query?> FindAsync(Asked asked)
    {
        var ids = asked.Answers.Select(a => a.Query?.Id).Where(id => id is not null).Distinct().ToList();
        if (ids.Count == 0)
        {
            var found = await ListAsync(asked.Integrator, asked.Practice, $"tag={asked.Tag}");
            return found.Count == 0 ? null : found.OrderBy(q => q.Executed == Executed.No).First();
        }
        // A key that was freed by a 503 "executed no" leads to another query afterwards; the last one counts.
        var answer = await asked.Integrator.GetAsync($"{Calls.Path(asked)}/{ids[^1]}");
        return answer.Status == HttpStatusCode.OK ? answer.Query : null;
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
        var answer = await integrator.GetAsync($"integrator/sites/{practice.SiteId}/queries?limit=1000&{filter}");
        return answer.Status == HttpStatusCode.OK
            ? JsonSerializer.Deserialize(answer.Body, HaloJson.Default.QueryList)!.Queries
            : throw new InvalidOperationException($"The list of queries: {answer}");
    }
}
