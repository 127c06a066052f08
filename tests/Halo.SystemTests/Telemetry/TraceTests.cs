using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Telemetry;

/// <summary>Both programs with a collector: one trace from the caller to the database, and nothing of a patient in it.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    const string Secret = "Penicillin-4711";
    const string CallersTrace = "0af7651916cd43dd8448eb211c80319c";

    readonly Collector _collector = new();
    HaloFixture? _fixture;
    IntegratorClient? _integrator;
    Guid _siteId;

    public async ValueTask InitializeAsync()
    {
        _fixture = await HaloFixture.StartAsync(
            ("Halo__Telemetry__Otlp", _collector.Address), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"));
        var link = _fixture.AddLink(new LinkSite("sqlite", _fixture.SqliteFile()));
        var settings = JsonNode.Parse(await File.ReadAllTextAsync(link.ConfigurationFile))!;
        settings["telemetry"] = new JsonObject { ["otlp"] = _collector.Address };
        await File.WriteAllTextAsync(link.ConfigurationFile, settings.ToJsonString());
        _siteId = (await link.StartAsync())[0].Id;
        _integrator = await _fixture.MakeIntegratorAsync();
        await _fixture.Api.PairAsync(_integrator, _siteId);
    }

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
        _collector.Dispose();
    }

    [Theory]
    [InlineData("immediate")]
    [InlineData("async")]
    public async Task One_trace_runs_from_the_caller_to_the_database_and_carries_nothing_of_patients(string mode)
    {
        var answer = await _integrator!.SendAsync(HttpMethod.Post, $"integrator/sites/{_siteId}/queries/{mode}",
            IntegratorClient.Body($"SELECT '{Secret}' AS allergy"), ("traceparent", $"00-{CallersTrace}-b7ad6b7169203331-01"));
        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.Created, answer.ToString());
        if (mode == "async")
            Assert.Equal(QueryStatus.Successful, (await _integrator.WhenFinalAsync(_siteId, answer.Query.Id)).Status);

        var request = $"POST /integrator/sites/{{siteId}}/queries/{mode}";
        string[] expected = mode == "immediate" ? ["halo.database", "halo.link.query", "halo.query", request] : ["halo.database", "halo.link.query", request];
        // The exporters send by their own clocks, and a span when it ends.
        var spans = await Eventually.BecomesAsync(() => Task.FromResult(_collector.Spans.Where(s => string.Equals(s.Trace, CallersTrace, StringComparison.OrdinalIgnoreCase)).ToList()),
            all => expected.All(name => all.Any(s => s.Name == name)));
        var chain = new List<string>();
        for (var span = spans.Single(s => s.Name == "halo.database"); span is not null; span = spans.FirstOrDefault(s => s.Id == span.Parent))
            chain.Add(span.Name);
        Assert.Equal(expected, chain);
        Assert.DoesNotContain(_collector.Everything, body => Holds(body, Secret) || Holds(body, "SELECT") || Holds(body, _integrator.Key));
    }

    [Fact]
    public async Task A_pairing_code_in_a_query_string_stays_at_home()
    {
        var before = _collector.Spans.Count;
        await _integrator!.SendAsync(HttpMethod.Post, "integrator/pair-site?practiceManagementName=Zedmed&practiceManagementSiteId=1&pairingCode=ACDEFGHJ");
        await Eventually.BecomesAsync(() => Task.FromResult(_collector.Spans), spans => spans.Skip(before).Any(s => s.Name.EndsWith("pair-site", StringComparison.Ordinal)));
        Assert.DoesNotContain(_collector.Everything, body => Holds(body, "ACDEFGHJ"));
    }

    static bool Holds(byte[] body, string text) => body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
}
