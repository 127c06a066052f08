using System.Globalization;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Links.Enrolling;

public class ManyLinksTests(SharedPostgres postgres)
{
    /// <summary>How often, on each store; <c>HALO_ENROL_ROUNDS=100</c> for the long run.</summary>
    static int Rounds => int.Parse(Environment.GetEnvironmentVariable("HALO_ENROL_ROUNDS") ?? "5", CultureInfo.InvariantCulture);

    [Theory, OnBothStores]
    public async Task Fifty_Links_that_enrol_and_connect_at_once_with_one_practice_leave_one_authoritative_site(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        for (var round = 0; round < Rounds; round++)
        {
            var practice = Guid.NewGuid().ToString();
            var links = Enumerable.Range(0, 50).Select(_ => new SimulatedLink(host) { PmsId = practice }).ToList();
            var welcomes = await Task.WhenAll(links.Select(l => l.StartAsync()));
            var told = Assert.Single(welcomes.SelectMany(w => w.Sites), n => n.Authoritative);
            var sites = (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites?practiceManagementSiteId={practice}")).GetProperty("sites").EnumerateArray().ToList();
            Assert.Equal(50, sites.Count);
            Assert.All(sites, s => Assert.Equal("active", s.GetProperty("status").GetString()));
            Assert.Equal(told.SiteId, Assert.Single(sites, s => s.GetProperty("authoritative").GetBoolean()).GetProperty("id").GetGuid());
            foreach (var link in links)
                await link.DisposeAsync();
        }
    }
}
