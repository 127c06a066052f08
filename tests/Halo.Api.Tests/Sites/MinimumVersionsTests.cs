using Halo.Api.Settings;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Microsoft.Extensions.Configuration;

namespace Halo.Api.Tests.Sites;

public class MinimumVersionsTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("1.11", "1.9", true)]
    [InlineData("1.11", "1.11", false)]
    [InlineData("1.11", "1.11.0", false)]
    [InlineData("1.11.0", "1.11", false)]
    [InlineData("1.11", "1.011", false)]
    [InlineData("1.11", "v1.10 SP2", true)]
    [InlineData("1.11", "1.11-beta", false)]
    [InlineData("1.11", "2", false)]
    [InlineData("1.11", "1..12", true)]
    [InlineData("99999999999999999999999", "99999999999999999999998", true)]
    [InlineData("1.11", "Lava SP3", false)]
    [InlineData("1.11", "", false)]
    [InlineData("1.11", null, false)]
    public void Versions_are_compared_part_by_part_and_unreadable_ones_are_served(string minimum, string? version, bool refused) =>
        Assert.Equal(refused ? minimum : null, Read(("Best Practice", minimum)).MissedBy("Best Practice", version));

    [Fact]
    public void The_setting_names_the_PMS_with_or_without_spaces_and_others_are_free()
    {
        var versions = Read(("bestpractice", "1.11"));
        Assert.Equal("1.11", versions.MissedBy("Best Practice", "1.10"));
        Assert.Null(versions.MissedBy("Zedmed", "0.1"));
    }

    [Fact]
    public void A_minimum_that_is_no_version_or_there_twice_is_a_fault_of_the_settings()
    {
        var faults = new List<string>();
        MinimumVersions.Read(Section(("Zedmed", "new"), ("Best Practice", "1"), ("BestPractice", "2")), faults);
        Assert.Equal(2, faults.Count);
        Assert.Contains(faults, f => f.Contains("Zedmed", StringComparison.Ordinal) && f.Contains("1.11", StringComparison.Ordinal));
    }

    [Theory, OnBothStores]
    public async Task A_PMS_that_is_too_old_is_told_everywhere_gets_no_queries_and_is_served_once_it_is_updated(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, "Halo:MinimumVersions:Best Practice=1.11");
        await using var link = new SimulatedLink(host) { PmsVersion = "1.12" };
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        using var waits = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", """{ "sqlQuery": "SELECT 1" }""", key);
        Assert.Equal(201, (int)waits.StatusCode);

        link.PmsVersion = "1.9";
        var notice = Assert.Single((await link.ConnectAsync()).Sites);
        Assert.True(notice.Refused);
        Assert.Contains("1.9 is older than 1.11", notice.Message, StringComparison.Ordinal);
        Assert.Empty(await link.ClaimAsync());
        foreach (var mode in (string[])["async", "immediate"])
        {
            using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/{mode}", """{ "sqlQuery": "SELECT 1" }""", key);
            var error = await refused.ErrorAsync(403);
            Assert.Equal(ErrorCodes.VersionTooOld, error.Code);
            Assert.Contains("1.11", error.Message, StringComparison.Ordinal);
        }
        using var shown = await host.SendAsync(HttpMethod.Get, $"/integrator/sites/{link.SiteId}", key: key);
        Assert.Contains("older than 1.11", await shown.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        link.PmsVersion = "1.11";
        Assert.False(Assert.Single((await link.ConnectAsync()).Sites).Refused);
        Assert.Single(await link.ClaimAsync());
    }

    static MinimumVersions Read(params (string, string)[] values)
    {
        var faults = new List<string>();
        var read = MinimumVersions.Read(Section(values), faults);
        Assert.Empty(faults);
        return read;
    }

    static IConfigurationSection Section(params (string Key, string Value)[] values) => new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>($"V:{v.Key}", v.Value))).Build().GetSection("V");
}
