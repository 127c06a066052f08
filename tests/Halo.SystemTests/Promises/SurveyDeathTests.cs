using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Halo.SystemTests.Promises;

/// <summary>A write that is asked of many sites while programs are killed: each site has it once.</summary>
public sealed class SurveyDeathTests(SharedPostgres postgres)
{
    const int Sites = 6;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Each_site_writes_once_though_the_API_and_a_Link_are_killed_among_it(string storedIn)
    {
        await using var fixture = await HaloFixture.StartAsync(storedIn == "sqlite" ? [] : await House.PostgresStoreAsync(postgres));
        var files = Enumerable.Range(0, Sites).Select(i => fixture.SqliteFile($"practice{i}.db")).ToList();
        foreach (var file in files)
            Run(file, "CREATE TABLE asked (at TEXT)");
        // They come back soon.
        LinkProgram Link(IEnumerable<string> own) => fixture.AddLink(new() { ["connection"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 } }, [.. own.Select(file => new LinkSite("sqlite", file) { PracticeManagementSiteId = file.GetHashCode(StringComparison.Ordinal).ToString(System.Globalization.CultureInfo.InvariantCulture) })]);
        var (first, second) = (Link(files.Take(Sites / 2)), Link(files.Skip(Sites / 2)));
        var integrator = await fixture.MakeIntegratorAsync();
        // In the order of their files.
        var sites = (await first.StartAsync()).Concat(await second.StartAsync()).Select(s => s.Id).ToList();
        foreach (var site in sites)
            await fixture.Api.PairAsync(integrator, site);
        await second.Process.KillAsync();

        var begun = await integrator.SendAsync(HttpMethod.Post, "integrator/queries",
            """{ "filter": {}, "atOnce": 2, "command": { "text": "INSERT INTO asked VALUES ('once')", "executionMode": "nonQuery" } }""");
        Assert.True(begun.Status == HttpStatusCode.Created, begun.ToString());
        var id = JsonSerializer.Deserialize(begun.Body, HaloJson.Default.Survey)!.Id;
        await WhenAsync(s => s.Sites.Successful > 0);
        await fixture.Api.Process.KillAsync();
        await fixture.Api.StartAsync();
        await second.StartAsync();
        await WhenAsync(s => s.Sites.Successful > Sites / 2);
        await fixture.Api.Process.KillAsync();
        await fixture.Api.StartAsync();
        var done = await WhenAsync(s => s.Status == SurveyStatus.Finished);

        // Also where the API was killed before it sent a claim: what never reached its Link waits again.
        Assert.Equal(Sites, done.Sites.Successful);
        var answer = await integrator.GetAsync($"integrator/queries/{id}/sites");
        foreach (var site in JsonSerializer.Deserialize(answer.Body, HaloJson.Default.SurveySiteList)!.Sites)
            Assert.Equal(1L, Run(files[sites.IndexOf(site.SiteId)], "SELECT COUNT(*) FROM asked"));

        Task<Survey> WhenAsync(Func<Survey, bool> enough) => Eventually.BecomesAsync(async () =>
        {
            var answer = await integrator.GetAsync($"integrator/queries/{id}");
            Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
            return JsonSerializer.Deserialize(answer.Body, HaloJson.Default.Survey)!;
        }, enough);
    }

    static object? Run(string connectionString, string sql)
    {
        using var connection = new SqliteConnection(connectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
