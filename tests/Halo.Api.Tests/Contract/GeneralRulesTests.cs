using System.Net;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;

namespace Halo.Api.Tests.Contract;

/// <summary>What the contract says of every call.</summary>
public class GeneralRulesTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task A_body_over_the_limit_is_a_413_in_the_general_shape()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:RequestBytes=65536");
        await using var site = await PairedSite.CreateAsync(host);
        using var response = await site.AskAsync("{\"command\":{\"text\":\"" + new string('x', 65_536) + "\"}}");
        var error = await response.ErrorAsync(413);
        Assert.Equal((ErrorCodes.RequestTooLarge, "The request's body is over the limit of 65536 bytes. Split it into several requests; nothing was done."), (error.Code, error.Message));
    }

    [Fact]
    public async Task Ids_are_lower_case_times_have_Z_and_milliseconds_and_nothing_is_null()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var created = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        var body = await created.Content.ReadAsStringAsync();
        using var json = JsonDocument.Parse(body);
        Assert.Matches("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", json.RootElement.GetProperty("id").GetString()!);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", json.RootElement.GetProperty("createdAt").GetString()!);
        Assert.DoesNotContain("null", body, StringComparison.Ordinal);
        Assert.False(json.RootElement.TryGetProperty("completedAt", out _));
    }

    [Fact]
    public async Task Unknown_fields_of_a_request_are_ignored()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var created = await site.SendAsync(HttpMethod.Post, "/async",
            """{ "newer": { "a": [1] }, "command": { "text": "SELECT 1", "newer": true, "parameters": [ { "name": "@a", "value": "1", "newer": 1 } ] } }""");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
    }

    [Fact]
    public async Task A_site_tells_version_clock_drift_database_and_metadata()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{site.Link.SiteId}", key: site.Key);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var shown = json.RootElement;
        Assert.Matches(@"^\d\d\.[1-9]\d{2,3}\.\d+$", shown.GetProperty("haloLinkVersion").GetString()!);
        Assert.Equal(("BestPractice", "online", "active"),
            (shown.GetProperty("pmsType").GetString(), shown.GetProperty("availability").GetString(), shown.GetProperty("status").GetString()));
        Assert.Equal("healthy", shown.GetProperty("database").GetProperty("status").GetString());
        Assert.Equal("Main Street Clinic", shown.GetProperty("practiceMetadata").GetProperty("practiceName").GetString());
        Assert.Equal(["Patients", "Images"], shown.GetProperty("catalogue").EnumerateArray().Select(c => c.GetProperty("name").GetString()));
        Assert.Equal(shown.GetProperty("clockDriftMs").GetInt64(),
            (shown.GetProperty("clientTimestampUTC").GetDateTimeOffset() - shown.GetProperty("heartbeatTimestampUTC").GetDateTimeOffset()).TotalMilliseconds, 1.0);
    }

    [Fact]
    public async Task The_limits_in_force_are_told()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:ImmediateExecutionMs=1234");
        var (_, key, _) = await host.CreateIntegratorAsync();
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/limits", key: key);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal((1234, 300_000, 3_600_000, 60_000, 7_200_000, 1_048_576, 8_388_608), (
            json.RootElement.GetProperty("immediateExecution").GetInt32(), json.RootElement.GetProperty("asyncExecution").GetInt32(),
            json.RootElement.GetProperty("upload").GetInt32(), json.RootElement.GetProperty("immediateMaxTimeInQueue").GetInt32(),
            json.RootElement.GetProperty("asyncMaxTimeInQueue").GetInt32(), json.RootElement.GetProperty("commandText").GetInt32(),
            json.RootElement.GetProperty("immediateResult").GetInt32()));
    }
}
