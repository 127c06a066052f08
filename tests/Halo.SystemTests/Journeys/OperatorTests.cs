using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

public sealed class OperatorOnSqlite(SqliteHouse house) : OperatorTests(house), IClassFixture<SqliteHouse>;

public sealed class OperatorOnPostgres(PostgresHouse house) : OperatorTests(house), IClassFixture<PostgresHouse>;

/// <summary>What an operator does, and what integrators then see of the sites; on either store.</summary>
public abstract class OperatorTests(House house)
{
    [Fact]
    public async Task An_operator_makes_an_integrator_pairs_and_parts_it()
    {
        var admin = house.Fixture.Api.Admin;
        using var made = await admin.PostAsJsonAsync("admin/v1/integrators", new { name = "Booking & Söhne" });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var integrator = (await made.Content.ReadFromJsonAsync<JsonObject>())!;
        var id = integrator["id"]!.GetValue<Guid>();
        Assert.Equal("Booking & Söhne", integrator["name"]!.GetValue<string>());
        string[] keys = [integrator["keys"]!["primary"]!.GetValue<string>(), integrator["keys"]!["secondary"]!.GetValue<string>()];
        Assert.NotEqual(keys[0], keys[1]);

        var pairing = new Uri($"admin/v1/integrators/{id}/pairings/{house.Site.Id}", UriKind.Relative);
        foreach (var key in keys)
        {
            using var client = new IntegratorClient(house.Fixture.Api.Address, id, key);
            Assert.Equal(HttpStatusCode.Forbidden, (await client.ImmediateAsync(house.Site.Id, "SELECT 1")).Status);
            using (var paired = await admin.PutAsync(pairing, null))
                Assert.Equal(HttpStatusCode.OK, paired.StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await client.ImmediateAsync(house.Site.Id, "SELECT 1")).Status);
            using (var parted = await admin.DeleteAsync(pairing))
                Assert.True(parted.IsSuccessStatusCode, $"{parted.StatusCode}");
            Assert.Equal(HttpStatusCode.Forbidden, (await client.ImmediateAsync(house.Site.Id, "SELECT 1")).Status);
        }
    }

    [Fact]
    public async Task An_integrator_without_a_name_is_refused()
    {
        using var response = await house.Fixture.Api.Admin.PostAsJsonAsync("admin/v1/integrators", new { name = " " });
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("name", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pairing_what_does_not_exist_is_404()
    {
        foreach (var (integrator, site) in ((Guid, Guid)[])[(house.Integrator.Id, Guid.CreateVersion7()), (Guid.CreateVersion7(), house.Site.Id)])
        {
            using var response = await house.Fixture.Api.Admin.PutAsync(new Uri($"admin/v1/integrators/{integrator}/pairings/{site}", UriKind.Relative), null);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_site_is_found_by_the_vendors_own_id()
    {
        var answer = await house.Integrator.GetAsync("integrator/sites?practiceManagementSiteId=1&practiceManagementName=Zedmed");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var site = Assert.Single(JsonSerializer.Deserialize(answer.Body, HaloJson.Default.SiteList)!.Sites);
        Assert.Equal(house.Site.Id, site.Id);
        Assert.Equal("Zedmed", site.PmsType);
        Assert.Equal(SiteStatus.Active, site.Status);
        Assert.Equal(SiteAvailability.Online, site.Availability);
        Assert.True(site.Authoritative);
        Assert.Single(site.Catalogue, c => c.IsDefault);
        Assert.NotNull(site.HeartbeatTimestamp);
        Assert.Equal("Test Practice", site.PracticeMetadata!.PracticeName);

        Assert.Equal(HttpStatusCode.OK, (await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}")).Status);
    }

    [Fact]
    public async Task A_search_that_finds_none_is_an_empty_list()
    {
        var answer = await house.Integrator.GetAsync("integrator/sites?practiceManagementSiteId=999&practiceManagementName=Zedmed");
        Assert.Equal((HttpStatusCode.OK, """{"sites":[]}"""), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("?practiceManagementSiteId=&practiceManagementName=", 2)]
    [InlineData("?practiceManagementSiteId=1", 1)]
    [InlineData("?practiceManagementName=Zedmed", 1)]
    public async Task A_search_needs_both_its_parameters(string parameters, int missing)
    {
        var answer = await house.Integrator.GetAsync("integrator/sites" + parameters);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(missing, answer.Error.Errors!.Count);
    }

    [Theory]
    [InlineData("health/live")]
    [InlineData("health/ready")]
    [InlineData("openapi/v1.json")]
    [InlineData("docs")]
    public async Task The_service_tells_about_itself_without_a_key(string path)
    {
        using var http = new HttpClient { BaseAddress = house.Fixture.Api.Address };
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
