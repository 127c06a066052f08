using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>The queries that a start of the service runs for itself are nobody's: nothing is left of them.</summary>
public sealed class WarmUpTests(SharedPostgres postgres)
{
    const string Long = "60000";

    [Fact]
    public async Task A_warm_up_leaves_nothing_in_store_log_metrics_and_directory()
    {
        await using var fixture = await HaloFixture.StartAsync(("Halo__WarmUpMs", Long));
        var api = fixture.Api;
        Assert.Contains("Warmed up by queries of the service's own", api.Process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("warm-up", api.Process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Halo.Api.Links", api.Process.Output, StringComparison.Ordinal);
        foreach (var path in (string[])["sites", "links", "integrators", "queries", "audit"])
        {
            var answer = (await api.Admin.GetFromJsonAsync<JsonObject>($"admin/v1/{path}", TestContext.Current.CancellationToken))!;
            Assert.All(answer.Select(p => p.Value).OfType<JsonArray>(), list => Assert.Empty(list));
            Assert.Contains(answer, p => p.Value is JsonArray);
        }
        var metrics = await api.Admin.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Contains("halo_", metrics, StringComparison.Ordinal);
        Assert.All(metrics.Split('\n').Where(l => l.StartsWith("halo_queries", StringComparison.Ordinal) || l.StartsWith("halo_query_duration", StringComparison.Ordinal)
            || l.StartsWith("halo_link_sessions", StringComparison.Ordinal)), l => Assert.EndsWith(" 0", l.Split(" 17")[0].TrimEnd(), StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(api.DataDirectory, "warm-up")));
    }

    /// <summary>
    /// The runtime writes down what it compiles. Told by its number and not by the clock: while the programs were warmed up by too few queries, it was
    /// four thousand methods of each in the first thousand queries after a start, which took twice as long as the next thousand.
    /// </summary>
    [Fact]
    public async Task Once_started_neither_program_has_much_left_to_compile()
    {
        const int calls = 300;
        await using var fixture = HaloFixture.Create(("Halo__WarmUpMs", Long));
        var (ofApi, ofLink) = (Path.Combine(fixture.TemporaryDirectory, "api-compiled"), Path.Combine(fixture.TemporaryDirectory, "link-compiled"));
        WriteDown(fixture.Api.Settings, ofApi);
        await fixture.Api.StartAsync();
        var link = fixture.AddLink(new JsonObject { ["warmUpMs"] = 60_000 }, new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        WriteDown(link.Environment, ofLink);
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        // What a session begins with is compiled beside the first query, and is none of it.
        await Eventually.BecomesAsync(async () =>
        {
            var (api, own) = (Compiled(ofApi), Compiled(ofLink));
            await Task.Delay(500, TestContext.Current.CancellationToken);
            return Compiled(ofApi) - api + Compiled(ofLink) - own;
        }, more => more < 10);
        var (apiBefore, linkBefore) = (Compiled(ofApi), Compiled(ofLink));
        for (var i = 0; i < calls; i++)
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1 AS n")).Status);
        var (api, own) = (Compiled(ofApi) - apiBefore, Compiled(ofLink) - linkBefore);
        Assert.True(api < 1000 && own < 1000, $"Compiled during {calls} queries: API {api} methods (after {apiBefore}), Link {own} (after {linkBefore}).");

        static void WriteDown(Dictionary<string, string> environment, string file) =>
            (environment["DOTNET_JitStdOutFile"], environment["DOTNET_JitDisasmSummary"]) = (file, "1");

        static int Compiled(string file)
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Count(c => c == '\n');
        }
    }

    [Fact]
    public async Task A_warm_up_that_cannot_be_done_keeps_nobody_waiting()
    {
        await using var fixture = HaloFixture.Create([("Halo__WarmUpMs", Long)]);
        Directory.CreateDirectory(fixture.Api.DataDirectory);
        await File.WriteAllTextAsync(Path.Combine(fixture.Api.DataDirectory, "warm-up"), "a file in its place", TestContext.Current.CancellationToken);
        await fixture.Api.StartAsync();
        Assert.Contains("The warm-up failed", fixture.Api.Process.Output, StringComparison.Ordinal);
        using var response = await fixture.Api.Admin.GetAsync(new Uri("admin/v1/sites", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task What_a_start_that_was_cut_off_has_left_goes_with_the_next()
    {
        await using var fixture = HaloFixture.Create([("Halo__WarmUpMs", "0")]);
        var left = Directory.CreateDirectory(Path.Combine(fixture.Api.DataDirectory, "warm-up", "pages"));
        await File.WriteAllTextAsync(Path.Combine(left.FullName, "left"), "", TestContext.Current.CancellationToken);
        await fixture.Api.StartAsync();
        Assert.False(Directory.Exists(Path.Combine(fixture.Api.DataDirectory, "warm-up")));
        Assert.DoesNotContain("Warmed up", fixture.Api.Process.Output, StringComparison.Ordinal);
    }
}
