using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>The queries that a start of the service runs for itself are nobody's: nothing is left of them.</summary>
public sealed class WarmUpTests
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
