using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints.ForOperators;

/// <summary>What another operator removes between the look and the change is told as gone, not as a failure of the service.</summary>
public class RemovedMeanwhileTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_change_of_what_is_not_there_any_more_is_404(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        using var made = await host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", """{ "name": "Recalls" }""", adminKey: ApiHost.AdminKey);
        var id = (string)(await made.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken))!["id"]!;
        // Its directory does not know yet, as in the moment between.
        await RunAsync("DELETE FROM integrators WHERE id = @id", ("id", Guid.Parse(id)));
        await IsGoneAsync(HttpMethod.Post, $"/admin/v1/integrators/{id}/keys/primary/rotate");
        await IsGoneAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
        // Last, since it reads anew what the directory knows.
        await IsGoneAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "quota": 5 }""");
        Assert.Equal(0, await CountAsync("SELECT COUNT(*) FROM audit WHERE action IN ('integrator.key-rotated', 'integrator.paired', 'integrator.changed')"));

        Task RunAsync(string sql, params (string, object?)[] parameters) =>
            host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync(sql, parameters));

        async Task<long> CountAsync(string sql) => (await host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetInt64(0), sql))[0];

        async Task IsGoneAsync(HttpMethod method, string path, string? content = null)
        {
            using var response = await host.SendAsync(method, path, content, adminKey: ApiHost.AdminKey);
            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True((int)response.StatusCode == 404, body);
            Assert.Contains("removed at the same moment", body, StringComparison.Ordinal);
        }
    }
}
