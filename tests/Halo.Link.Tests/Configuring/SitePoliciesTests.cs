using System.Text;
using System.Text.Json.Nodes;
using Halo.Link.Configuring;

namespace Halo.Link.Tests.Configuring;

/// <summary>A list of sites that comes by a file, as of <c>configure --from</c> and of the MSI's CONFIGFILE.</summary>
public sealed class SitePoliciesTests
{
    const string ReadOnly = """{"default":{"modes":["reader","scalar"],"readOnly":true}}""", Own = """{"default":{"maxRows":5}}""";

    [Theory]
    [InlineData("")]
    [InlineData(""", "policy": null""")]
    [InlineData(""", "policy": {}""")]
    public void A_new_site_may_only_be_read(string policy) =>
        Assert.Equal([ReadOnly], Merge("{}", $$"""{ "sites": [{{Site("1", policy)}}] }"""));

    [Fact]
    public void A_new_site_with_a_policy_has_that() =>
        Assert.Equal([Own], Merge("{}", $$"""{ "sites": [{{Site("1", $", \"policy\": {Own}")}}] }"""));

    [Theory]
    [InlineData("sites")]
    [InlineData("Sites")]
    public void A_known_site_keeps_its_policy_wherever_it_stands_in_the_list(string name) =>
        Assert.Equal([ReadOnly, Own], Merge($$"""{ "sites": [{{Site("1a", $", \"policy\": {Own}")}}] }""", $$"""{ "{{name}}": [{{Site("2")}}, {{Site("1A")}}] }"""));

    [Fact]
    public void A_known_site_without_a_policy_stays_without_and_a_file_can_give_it_one()
    {
        Assert.Equal([null], Merge($$"""{ "sites": [{{Site("1")}}] }""", $$"""{ "sites": [{{Site("1")}}] }"""));
        Assert.Equal([Own], Merge($$"""{ "sites": [{{Site("1")}}] }""", $$"""{ "sites": [{{Site("1", $", \"policy\": {Own}")}}] }"""));
    }

    [Fact]
    public void A_practice_whose_id_comes_beside_the_file_keeps_its_policy()
    {
        var document = SettingsDocument.Parse("test", Encoding.UTF8.GetBytes($$"""{ "sites": [{{Site("1", $", \"policy\": {Own}")}}] }"""));
        SitePolicies.Merge(document, JsonNode.Parse("""{ "sites": [{ "engine": "sqlite", "practiceManagementName": "Best Practice" }] }""")!.AsObject(),
            new Answers { PracticeManagementSiteId = "1" }.ApplyTo);
        Assert.Equal(Own, document.Settings["sites"]![0]!["policy"]!.ToJsonString());
    }

    [Fact]
    public void A_file_without_sites_changes_no_policy() =>
        Assert.Equal([null], Merge($$"""{ "sites": [{{Site("1")}}] }""", """{ "api": "https://halo.example" }"""));

    static string Site(string id, string more = "") => $$"""{ "engine": "sqlite", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "{{id}}"{{more}} }""";

    static string?[] Merge(string before, string settings)
    {
        var document = SettingsDocument.Parse("test", Encoding.UTF8.GetBytes(before));
        SitePolicies.Merge(document, JsonNode.Parse(settings)!.AsObject());
        var sites = document.Settings.Single(p => string.Equals(p.Key, "sites", StringComparison.OrdinalIgnoreCase)).Value!.AsArray();
        return [.. sites.Select(s => s!["policy"]?.ToJsonString())];
    }
}
