using System.Net.Http.Headers;
using Halo.Api.Basics;
using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Observability;

public sealed class MetricsTests
{
    const string MetricsKey = "scrapers-own-key-0123";

    [Fact]
    public async Task Metrics_are_for_those_who_have_a_key_to_them()
    {
        await using var host = await ApiHost.StartAsync($"Halo:Telemetry:MetricsKey={MetricsKey}");
        Assert.Equal("KeyMissing", (await (await host.SendAsync(HttpMethod.Get, "/metrics")).ErrorAsync(401)).Code);
        Assert.Equal("KeyInvalid", (await (await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: "something else entirely")).ErrorAsync(401)).Code);
        Assert.Equal("KeyInvalid", (await (await ScrapeAsync(host, "wrong-but-long-enough")).ErrorAsync(401)).Code);
        using var byOperator = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: ApiHost.AdminKey);
        Assert.True(byOperator.IsSuccessStatusCode);
        using var byScraper = await ScrapeAsync(host, MetricsKey);
        Assert.True(byScraper.IsSuccessStatusCode);
    }

    [Fact]
    public async Task Metrics_count_queries_sessions_and_what_waits()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await site.QueueAsync();
        var asking = site.AskAsync();
        await site.Link.AnswerWholeAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":1}]""", 1);
        using (var answer = await asking)
            Assert.True(answer.IsSuccessStatusCode);

        using var response = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: ApiHost.AdminKey);
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n');
        Assert.Equal("1", ValueOf("halo_link_sessions"));
        Assert.Equal("1", ValueOf("halo_queries_open", "halo_query_status=\"queued\""));
        Assert.NotEqual("0", ValueOf("halo_queries_total", "halo_query_mode=\"immediate\"", "halo_query_status=\"successful\""));
        Assert.NotEqual("0", ValueOf("halo_ledger_group_size_count"));
        Assert.NotEqual("0", ValueOf("halo_query_duration_seconds_count", "halo_query_mode=\"immediate\""));
        // Buckets that tell half a millisecond from a second, and minutes from hours.
        foreach (var name in (string[])["halo_query_duration_seconds", "halo_query_phase_duration_seconds", "halo_ledger_commit_duration_seconds"])
            Assert.Equal(["0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300", "1800", "+Inf"], BucketsOf(name));
        Assert.Equal(["1", "2", "5", "10", "20", "50", "100", "200", "500", "+Inf"], BucketsOf("halo_ledger_group_size"));

        IEnumerable<string> BucketsOf(string name) => lines.Where(l => l.StartsWith($"{name}_bucket", StringComparison.Ordinal))
            .Select(l => l.Split("le=\"")[1].Split('"')[0]).Distinct();

        string ValueOf(string name, params string[] tags)
        {
            var line = lines.LastOrDefault(l => l.StartsWith(name, StringComparison.Ordinal) && (l[name.Length] is '{' or ' ') && tags.All(l.Contains));
            Assert.True(line is not null, $"{name} {string.Join(' ', tags)} is not among the metrics.");
            return line[(line.LastIndexOf(' ') + 1)..].Trim();
        }
    }

    [Fact]
    public async Task A_fault_in_the_settings_is_named()
    {
        var refused = await Assert.ThrowsAsync<StartupException>(() => ApiHost.StartAsync("Halo:Telemetry:Otlp=collector", "Halo:Telemetry:MetricsKey=short"));
        Assert.Contains("Halo:Telemetry:Otlp", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Halo:Telemetry:MetricsKey", refused.Message, StringComparison.Ordinal);
    }

    static async Task<HttpResponseMessage> ScrapeAsync(ApiHost host, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return await host.Client.SendAsync(request);
    }
}
