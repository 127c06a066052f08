using System.Text.Json;
using System.Text.RegularExpressions;
using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Halo.Contracts.Admin;
using Halo.Testing;

namespace Halo.Console.Tests;

/// <summary>Each act shows its effect before, does what the admin API does, and says so.</summary>
public sealed partial class ActsTests
{
    [Fact]
    public async Task Authority_is_moved_once_its_consequences_were_shown()
    {
        await using var host = await ConsoleHost.StartAsync();
        await using var old = await PairedSite.CreateAsync(host);
        await using var link = new SimulatedLink(host) { PmsId = old.Link.PmsId, PracticeName = "New Street Clinic" };
        await link.StartAsync();
        await old.QueueAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        var page = await client.PageAsync($"/console/sites/{link.SiteId}/authority");
        Assert.Contains(old.Link.SiteId.ToString(), page, StringComparison.Ordinal);
        Assert.Contains("1 query that is queued there is cancelled", page, StringComparison.Ordinal);
        Assert.Contains("Paired with the old site: Recall Ltd.", page, StringComparison.Ordinal);
        using var done = await client.SubmitAsync($"/console/sites/{link.SiteId}/authority", new() { ["copyPairings"] = "true", ["reason"] = "New server" });
        Assert.Equal($"/console/sites/{link.SiteId}?done=authority", done.Headers.Location!.ToString());
        Assert.Contains("now the authoritative one", await client.PageAsync(done.Headers.Location.ToString()), StringComparison.Ordinal);
        Assert.True((await SiteAsync(host, link.SiteId)).GetProperty("authoritative").GetBoolean());
        Assert.False((await SiteAsync(host, old.Link.SiteId)).GetProperty("authoritative").GetBoolean());
        Assert.Equal("New Street Clinic", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("name").GetString());
        var last = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray().Last();
        Assert.Equal(("site.authority-moved", "New server"), (last.GetProperty("action").GetString(), last.GetProperty("detail").GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task A_site_is_removed_for_good_and_a_second_decision_says_so()
    {
        await using var host = await ConsoleHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        using var client = await ConsoleClient.SignInAsync(host);
        var path = $"/console/sites/{site.Link.SiteId}";
        Assert.Contains("cannot be undone", await client.PageAsync($"{path}/remove"), StringComparison.Ordinal);
        foreach (var (reason, status) in new[] { (new string('x', 501), 400), (new string('x', 500), 303) })
        {
            using var removed = await client.SubmitAsync($"{path}/remove", new() { ["reason"] = reason });
            Assert.Equal(status, (int)removed.StatusCode);
        }
        using var moved = await client.SubmitAsync($"{path}/authority");
        Assert.Equal(409, (int)moved.StatusCode);
        Assert.DoesNotContain("/remove", await client.PageAsync(path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Link_is_revoked_and_approved_again()
    {
        await using var host = await ConsoleHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        foreach (var (act, status) in new[] { ("revoke", "revoked"), ("approve", "enrolled") })
        {
            Assert.Contains("<ul class=\"effects\">", await client.PageAsync($"/console/links/{link.LinkId}/{act}"), StringComparison.Ordinal);
            using var done = await client.SubmitAsync($"/console/links/{link.LinkId}/{act}");
            Assert.Equal(303, (int)done.StatusCode);
            Assert.Equal(status, (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}")).GetProperty("status").GetString());
        }
    }

    [Fact]
    public async Task Keys_of_an_integrator_are_shown_once_and_work()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        using var made = await client.SubmitAsync("/console/integrators/new", new() { ["name"] = "Recalls Ltd" });
        var keys = Secrets(await made.Content.ReadAsStringAsync());
        Assert.Equal(2, keys.Count);
        foreach (var key in keys)
            Assert.Equal(200, await StatusAsync(host, key));
        var id = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators")[0].GetProperty("id").GetGuid();
        using var rotated = await client.SubmitAsync($"/console/integrators/{id}/keys/primary");
        var fresh = Assert.Single(Secrets(await rotated.Content.ReadAsStringAsync()));
        Assert.Equal((401, 200, 200), (await StatusAsync(host, keys[0]), await StatusAsync(host, keys[1]), await StatusAsync(host, fresh)));
        Assert.DoesNotContain(fresh, await client.PageAsync($"/console/integrators/{id}"), StringComparison.Ordinal);
        using var unknown = await client.SubmitAsync($"/console/integrators/{id}/keys/third");
        Assert.Equal(404, (int)unknown.StatusCode);
    }

    [Fact]
    public async Task Limits_of_an_integrator_are_set_taken_away_and_checked()
    {
        await using var host = await ConsoleHost.StartAsync();
        var (id, _, _) = await host.CreateIntegratorAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        var path = $"/console/integrators/{id}/change";
        Dictionary<string, string> all = new() { ["name"] = "Recalls", ["enabled"] = "true", ["rateLimit"] = "50", ["quota"] = "1000", ["allowedAddresses"] = "203.0.113.0/24\r\n127.0.0.1", ["pairWithoutCode"] = "Zedmed" };
        using var set = await client.SaveAsync(path, all);
        Assert.Equal(303, (int)set.StatusCode);
        var now = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}");
        Assert.Equal((50, 1000, 2, 1), (now.GetProperty("rateLimit").GetInt32(), now.GetProperty("quota").GetInt32(), now.GetProperty("allowedAddresses").GetArrayLength(), now.GetProperty("pairWithoutCode").GetArrayLength()));
        foreach (var (field, bad) in new[] { ("name", ""), ("rateLimit", "100001"), ("rateLimit", "-1"), ("rateLimit", "many"), ("rateLimit", "99999999999999"), ("quota", "1000000000001"), ("allowedAddresses", "nowhere"), ("pairWithoutCode", "Best Practice") })
        {
            using var refused = await client.SaveAsync(path, new(all) { [field] = bad });
            Assert.True((int)refused.StatusCode == 400, $"{field} {bad} got {(int)refused.StatusCode}");
            Assert.Contains("role=\"alert\"", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        using var none = await client.SaveAsync(path, new() { ["name"] = "Recalls" });
        var after = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}");
        Assert.False(after.TryGetProperty("rateLimit", out _) || after.TryGetProperty("quota", out _) || after.GetProperty("enabled").GetBoolean());
        using var deleted = await client.SubmitAsync($"/console/integrators/{id}/delete");
        Assert.Equal("/console/integrators?done=integrator-deleted", deleted.Headers.Location!.ToString());
    }

    [Fact]
    public async Task A_form_that_was_shown_before_somebody_else_changed_the_same_undoes_nothing()
    {
        await using var host = await ConsoleHost.StartAsync();
        var (id, _, _) = await host.CreateIntegratorAsync();
        var (ann, _) = await host.MakeOperatorAsync("Ann", OperatorRole.Owner);
        using var client = await ConsoleClient.SignInAsync(host);
        using (var page = await client.GetAsync($"/console/integrators/{id}/change"))
            Assert.Equal(200, (int)page.StatusCode);
        foreach (var (path, fields, other, changed) in new (string, Dictionary<string, string>, string, string)[]
        {
            ($"/console/integrators/{id}/change", new() { ["name"] = "New name", ["enabled"] = "true" }, $"/admin/v1/integrators/{id}", """{ "enabled": false }"""),
            ($"/console/operators/{ann}", new() { ["role"] = "owner" }, $"/admin/v1/operators/{ann}", """{ "role": "viewer" }"""),
        })
        {
            var mark = Regex.Match(await client.PageAsync(path), "name=\"_was\" value=\"([^\"]+)\"").Groups[1].Value;
            await host.AdminAsync(HttpMethod.Patch, other, changed);
            foreach (var was in (string[])[mark, "", "x"])
            {
                using var refused = await client.SubmitAsync(path, new(fields) { ["_was"] = was });
                Assert.Equal(409, (int)refused.StatusCode);
            }
            using var saved = await client.SaveAsync(path, fields);
            Assert.Equal(303, (int)saved.StatusCode);
        }
    }

    [Fact]
    public async Task Queries_are_counted_from_the_start_and_not_from_the_first_look()
    {
        var time = new ManualTime();
        await using var host = await ConsoleHost.StartAsync(time);
        await using var site = await PairedSite.CreateAsync(host);
        var asking = site.AskAsync();
        await site.Link.AnswerWholeAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":1}]""", 1);
        using (var answer = await asking)
            Assert.Equal(200, (int)answer.StatusCode);
        time.Advance(TimeSpan.FromMinutes(1));
        using var client = await ConsoleClient.SignInAsync(host);
        // Services of other tests count in this process, too.
        Assert.DoesNotMatch("<b>0</b><span>queries per minute", await client.PageAsync("/console"));
    }

    [Fact]
    public async Task A_pairing_is_made_and_removed()
    {
        await using var host = await ConsoleHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (id, _, _) = await host.CreateIntegratorAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        using var unknown = await client.SubmitAsync($"/console/integrators/{id}/sites", new() { ["siteId"] = "nothing" });
        Assert.Equal(404, (int)unknown.StatusCode);
        using var paired = await client.SubmitAsync($"/console/integrators/{id}/sites", new() { ["siteId"] = link.SiteId.ToString() });
        Assert.Equal(303, (int)paired.StatusCode);
        Assert.Contains("Recall Ltd", await client.PageAsync($"/console/sites/{link.SiteId}"), StringComparison.Ordinal);
        Assert.Contains("Remove the pairing of Recall Ltd with Main Street Clinic?", await client.PageAsync($"/console/integrators/{id}/sites/{link.SiteId}/unpair"), StringComparison.Ordinal);
        using var unpaired = await client.SubmitAsync($"/console/integrators/{id}/sites/{link.SiteId}/unpair");
        Assert.Empty((await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}")).GetProperty("pairings").EnumerateArray());
    }

    [Fact]
    public async Task A_Link_enrols_with_the_token_and_the_command_holds_it()
    {
        await using var host = await ConsoleHost.StartAsync("Halo:Enrolment=token");
        using var client = await ConsoleClient.SignInAsync(host);
        foreach (var (field, bad) in new[] { ("uses", "0"), ("uses", "10001"), ("uses", "x"), ("expiresInMinutes", "525601"), ("practiceManagementName", new('a', 201)), ("practiceManagementSiteId", "12345") })
        {
            using var refused = await client.SubmitAsync("/console/enrolment", new() { [field] = bad });
            Assert.True((int)refused.StatusCode == 400, $"{field} {bad}");
        }
        using var made = await client.SubmitAsync("/console/enrolment", new() { ["expiresInMinutes"] = "60", ["uses"] = "1", ["practiceManagementName"] = "Best Practice", ["practiceManagementSiteId"] = "12345" });
        var page = await made.Content.ReadAsStringAsync();
        var token = Secrets(page)[0];
        Assert.Contains($"&quot;enrolmentToken&quot;: &quot;{token}&quot;", page, StringComparison.Ordinal);
        Assert.Contains($"&quot;api&quot;: &quot;{host.Address.GetLeftPart(UriPartial.Authority)}&quot;", page, StringComparison.Ordinal);
        await using var link = new SimulatedLink(host);
        await link.StartAsync(token);
        Assert.True((await SiteAsync(host, link.SiteId)).GetProperty("authoritative").GetBoolean());
    }

    [Fact]
    public async Task Operators_are_made_changed_rotated_and_revoked()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        foreach (var (name, role, end) in new[] { ("", "viewer", ""), ("Ann", "king", ""), ("Ann", "7", ""), ("Ann", "viewer", "2020-01-01"), ("Ann", "viewer", "soon"), (new string('a', 101), "viewer", "") })
        {
            using var refused = await client.SubmitAsync("/console/operators/new", new() { ["name"] = name, ["role"] = role, ["expiresAt"] = end });
            Assert.True((int)refused.StatusCode == 400, $"{name} {role} {end}");
        }
        using var made = await client.SubmitAsync("/console/operators/new", new() { ["name"] = "Ann", ["role"] = "support", ["expiresAt"] = "2999-01-01" });
        var key = Assert.Single(Secrets(await made.Content.ReadAsStringAsync()));
        using var twice = await client.SubmitAsync("/console/operators/new", new() { ["name"] = "ANN", ["role"] = "viewer" });
        Assert.Equal(409, (int)twice.StatusCode);
        var id = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/operators")).Deserialize(AdminJson.Default.AdminOperatorList)!.Operators[0].Id;
        using var ann = await ConsoleClient.SignInAsync(host, key);
        using var changed = await client.SaveAsync($"/console/operators/{id}", new() { ["role"] = "operator" });
        using var roleless = await client.SaveAsync($"/console/operators/{id}", new() { ["role"] = "king" });
        Assert.Equal(400, (int)roleless.StatusCode);
        // The role counts for the session that began before.
        Assert.Contains("/console/enrolment", await ann.PageAsync("/console"), StringComparison.Ordinal);
        using var rotated = await client.SubmitAsync($"/console/operators/{id}/rotate");
        using var over = await ann.GetAsync("/console");
        Assert.Equal(303, (int)over.StatusCode);
        using var again = await ConsoleClient.SignInAsync(host, Assert.Single(Secrets(await rotated.Content.ReadAsStringAsync())));
        using var revoked = await client.SubmitAsync($"/console/operators/{id}/revoke");
        Assert.Equal("/console/operators?done=operator-revoked", revoked.Headers.Location!.ToString());
        using var gone = await again.GetAsync("/console");
        Assert.Equal(303, (int)gone.StatusCode);
    }

    [Fact]
    public async Task The_audit_log_is_filtered_and_paged_newest_first()
    {
        var time = new ManualTime();
        await using var host = await ConsoleHost.StartAsync(time);
        var (_, key) = await host.MakeOperatorAsync("Ann", OperatorRole.Operator);
        for (var i = 0; i < 7; i++)
        {
            // Lines of one millisecond have no order.
            time.Advance(TimeSpan.FromMilliseconds(1));
            using var made = await host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", $$"""{ "name": "Number {{i}}" }""", adminKey: key);
        }
        using var client = await ConsoleClient.SignInAsync(host);
        var first = await client.PageAsync("/console/audit?actor=operator:Ann&action=integrator.created&limit=5");
        Assert.Equal(["Number 6", "Number 5", "Number 4", "Number 3", "Number 2"], Numbers(first));
        var next = System.Net.WebUtility.HtmlDecode(Regex.Match(first, "href=\"([^\"]+)\" rel=\"next\"").Groups[1].Value);
        Assert.Equal(["Number 1", "Number 0"], Numbers(await client.PageAsync(next)));
        var subject = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators")[3].GetProperty("id").GetString()!;
        Assert.Equal(["Number 3"], Numbers(await client.PageAsync($"/console/audit?subject={subject[^12..]}")));
        Assert.Empty(Numbers(await client.PageAsync("/console/audit?subject=%25")));
        var today = time.GetUtcNow();
        Assert.Equal(7, Numbers(await client.PageAsync($"/console/audit?from={today.AddDays(-1):yyyy-MM-dd}&to={today.AddDays(1):yyyy-MM-dd}")).Count);
        Assert.Empty(Numbers(await client.PageAsync($"/console/audit?to={today.AddDays(-2):yyyy-MM-dd}")));
        Assert.Contains("is a day", await client.PageAsync("/console/audit?from=yesterday"), StringComparison.Ordinal);

        static List<string> Numbers(string page) => [.. Regex.Matches(page, "Number \\d").Select(m => m.Value)];
    }

    static async Task<int> StatusAsync(ApiHost host, string key) => (int)(await host.SendAsync(HttpMethod.Get, "/integrator/limits", key: key)).StatusCode;

    static Task<JsonElement> SiteAsync(ApiHost host, Guid id) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{id}");

    static List<string> Secrets(string page) => [.. Secret().Matches(page).Select(m => m.Groups[1].Value)];

    [GeneratedRegex("<code class=\"secret\"[^>]*>([^<]+)</code>")]
    private static partial Regex Secret();
}
