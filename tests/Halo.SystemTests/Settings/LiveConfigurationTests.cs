using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Settings;

/// <summary>The real programs, while somebody edits the Link's file and the operator sets what Links run with.</summary>
public sealed class LiveConfigurationTests
{
    [Fact]
    public async Task A_running_Link_follows_its_file_and_the_operator_and_says_what_it_does_not_follow()
    {
        await using var halo = await HaloFixture.StartAsync();
        var (link, site, integrator) = await halo.AddPairedAsync(new("sqlite", halo.SqliteFile()));
        await link.Process.WaitForLineAsync(l => l.Contains($"{site.Id} can be queried", StringComparison.Ordinal));

        var edited = JsonNode.Parse(await File.ReadAllTextAsync(link.ConfigurationFile))!;
        edited["sites"]![0]!["practiceName"] = "Renamed Clinic";
        edited["sites"]![0]!["connectionString"] = halo.SqliteFile("moved.db");
        edited["lanes"] = new JsonObject { ["async"] = 1 };
        await File.WriteAllTextAsync(link.ConfigurationFile, edited.ToJsonString());
        var seen = await link.Process.UntilAsync(link.FindSitesAsync, s => s is [{ PracticeMetadata.PracticeName: "Renamed Clinic" }]);
        Assert.Equal(site.Id, seen[0].Id);
        await link.Process.WaitForLineAsync(l => l.Contains("changed configuration is in force", StringComparison.Ordinal));
        var answer = await integrator.ImmediateAsync(site.Id, "SELECT file FROM pragma_database_list");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Contains("moved.db", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(JsonDocument.Parse(answer.Body).RootElement.GetProperty("result").GetProperty("data").GetString()!)), StringComparison.Ordinal);

        await PutAsync(halo, "admin/v1/configuration", """{ "asyncLanes": 2, "heartbeatSeconds": 1, "logLevel": "debug" }""");
        await PutAsync(halo, $"admin/v1/sites/{site.Id}/configuration", """{ "immediateExecutionMs": 200 }""");
        var applied = await link.Process.UntilAsync(() => AppliedAsync(halo, site.Id), a => a.TryGetProperty("version", out var v) && v.GetInt64() == 2);
        Assert.Contains("at most 1", Assert.Single(applied.GetProperty("refused").EnumerateArray()).GetProperty("reason").GetString()!, StringComparison.Ordinal);
        var endless = await integrator.ImmediateAsync(site.Id, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
        Assert.Equal(HttpStatusCode.GatewayTimeout, endless.Status);

        await File.WriteAllTextAsync(link.ConfigurationFile, "{ this is no JSON");
        await link.Process.WaitForLineAsync(l => l.Contains("the one before stays in force", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        await File.WriteAllTextAsync(link.ConfigurationFile, edited.ToJsonString());
        await link.Process.WaitForLineAsync(l => l.Contains("no faults any more", StringComparison.Ordinal));

        await link.Process.KillAsync();
        await link.StartAsync();
        await link.Process.WaitForLineAsync(l => l.Contains("Remote configuration 2", StringComparison.Ordinal));
    }

    static async Task PutAsync(HaloFixture halo, string path, string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await halo.Api.Admin.PutAsync(new Uri(path, UriKind.Relative), content);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    static async Task<JsonElement> AppliedAsync(HaloFixture halo, Guid siteId)
    {
        var text = await halo.Api.Admin.GetStringAsync(new Uri($"admin/v1/sites/{siteId}/configuration", UriKind.Relative));
        return JsonDocument.Parse(text).RootElement.TryGetProperty("applied", out var applied) ? applied : JsonDocument.Parse("{}").RootElement;
    }
}
