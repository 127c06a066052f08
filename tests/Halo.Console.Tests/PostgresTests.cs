using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Halo.Testing;

namespace Halo.Console.Tests;

/// <summary>A store that answers later than at once, as PostgreSQL does and SQLite does not.</summary>
public sealed class PostgresTests
{
    [Fact]
    public async Task Every_page_waits_for_what_it_shows()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var postgres = await PostgresServer.StartAsync("fsync=off");
        await using var host = await ConsoleHost.StartAsync($"Halo:Storage:ConnectionString={await postgres.CreateDatabaseAsync()}", $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}");
        await using var site = await PairedSite.CreateAsync(host);
        await site.QueueAsync();
        var integrator = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators")[0].GetProperty("id").GetString();
        var (operatorId, key) = await host.MakeOperatorAsync("Ann", Contracts.Admin.OperatorRole.Owner);
        using var client = await ConsoleClient.SignInAsync(host, key);
        foreach (var (path, text) in new (string, string)[]
        {
            ("", "Overview"), ("/sites", site.Link.SiteId.ToString()), ($"/sites/{site.Link.SiteId}", "queued"), ($"/sites/{site.Link.SiteId}/remove", "1 queued query is cancelled"), ("/links", site.Link.LinkId.ToString()),
            ($"/links/{site.Link.LinkId}", site.Link.SiteId.ToString()), ("/integrators", integrator!), ($"/integrators/{integrator}", "1 quer"), ($"/integrators/{integrator}/change", "Save"), ("/enrolment", "Make the token"),
            ("/operators", "Ann"), ($"/operators/{operatorId}", "Save"), ("/audit", "console.signed-in"), ("/profile", "Ann"),
        })
            Assert.Contains(text, await client.PageAsync($"/console{path}"), StringComparison.OrdinalIgnoreCase);
    }
}
