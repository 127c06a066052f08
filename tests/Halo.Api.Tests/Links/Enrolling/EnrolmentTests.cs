using System.Net;
using System.Security.Cryptography;
using Halo.Api.Links.Enrolling;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Testing;

namespace Halo.Api.Tests.Links.Enrolling;

public class EnrolmentTests
{
    [Fact]
    public async Task In_open_mode_the_first_site_of_a_practice_is_authoritative_and_the_second_is_not()
    {
        await using var host = await ApiHost.StartAsync();
        await using var first = new SimulatedLink(host);
        await using var second = new SimulatedLink(host);
        Assert.True(Assert.Single((await first.StartAsync()).Sites).Authoritative);
        var notice = Assert.Single((await second.StartAsync()).Sites);
        Assert.False(notice.Authoritative);
        Assert.Contains("operator", notice.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proof_by_another_key_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var response = await link.EnrolAsync(signer: other);
        Assert.Equal(ErrorCodes.LinkNotTrusted, (await response.ErrorAsync(401)).Code);
    }

    [Fact]
    public async Task A_nonce_serves_once()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        var nonce = await link.NonceAsync();
        using var first = await link.EnrolAsync(nonce: nonce);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var replayed = await link.EnrolAsync(nonce: nonce);
        await replayed.ErrorAsync(401);
        var assertion = link.Assertion(await link.NonceAsync());
        using var token = await link.AskTokenAsync(assertion);
        Assert.Equal(HttpStatusCode.OK, token.StatusCode);
        using var again = await link.AskTokenAsync(assertion);
        await again.ErrorAsync(401);
    }

    [Fact]
    public async Task A_nonce_that_is_not_ours_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync(nonce: "made-up");
        await enrolled.ErrorAsync(401);
        using var known = await link.EnrolAsync();
        using var token = await link.AskTokenAsync(link.Assertion("made-up"));
        await token.ErrorAsync(401);
    }

    [Fact]
    public async Task An_assertion_for_another_service_or_by_another_link_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await using var other = new SimulatedLink(host) { PmsId = "2" };
        using var known = await link.EnrolAsync();
        using var otherKnown = await other.EnrolAsync();
        using var elsewhere = await link.AskTokenAsync(link.Assertion(await link.NonceAsync(), audience: "https://elsewhere.example"));
        await elsewhere.ErrorAsync(401);
        using var forged = await link.AskTokenAsync(link.Assertion(await link.NonceAsync(), issuer: other.LinkId));
        await forged.ErrorAsync(401);
        using var rubbish = await link.AskTokenAsync("not.a.jwt");
        await rubbish.ErrorAsync(401);
    }

    [Fact]
    public async Task A_link_id_with_another_key_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await using var impostor = new SimulatedLink(host) { LinkId = link.LinkId };
        using var first = await link.EnrolAsync();
        using var second = await impostor.EnrolAsync();
        Assert.Equal(ErrorCodes.Conflict, (await second.ErrorAsync(409)).Code);
    }

    [Fact]
    public async Task A_site_that_belongs_to_another_link_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await using var copy = new SimulatedLink(host) { SiteId = link.SiteId };
        using var first = await link.EnrolAsync();
        using var second = await copy.EnrolAsync();
        Assert.Contains("another Link", (await second.ErrorAsync(409)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_token_mode_a_link_needs_a_token_that_is_fresh_and_for_its_practice()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=token");
        await using var link = new SimulatedLink(host);
        using var without = await link.EnrolAsync();
        Assert.Equal(ErrorCodes.EnrolmentTokenInvalid, (await without.ErrorAsync(401)).Code);
        using var wrong = await link.EnrolAsync(await TokenAsync(host, """{ "practiceManagementSiteId": "99" }"""));
        await wrong.ErrorAsync(401);
        var token = await TokenAsync(host, """{ "practiceManagementName": "Best Practice", "practiceManagementSiteId": "12345" }""");
        Assert.True(Assert.Single((await link.StartAsync(token)).Sites).Authoritative);
        await using var second = new SimulatedLink(host);
        using var spent = await second.EnrolAsync(token);
        await spent.ErrorAsync(401);
    }

    [Fact]
    public async Task A_token_that_names_no_practice_lets_in_but_proves_nothing()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=token");
        await using var link = new SimulatedLink(host);
        Assert.False(Assert.Single((await link.StartAsync(await TokenAsync(host, null))).Sites).Authoritative);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/authority");
        Assert.True((await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("authoritative").GetBoolean());
    }

    [Fact]
    public async Task In_approval_mode_a_link_waits_for_the_operator()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval");
        await using var link = new SimulatedLink(host);
        using var waiting = await link.EnrolAsync();
        Assert.Equal(HttpStatusCode.Accepted, waiting.StatusCode);
        Assert.NotNull(waiting.Headers.RetryAfter);
        using var early = await link.AskTokenAsync(link.Assertion(await link.NonceAsync()));
        await early.ErrorAsync(401);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/approve");
        Assert.True(Assert.Single((await link.StartAsync()).Sites).Authoritative);
        var approved = Assert.Single((await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray(), a => a.GetProperty("action").GetString() == "link.enrolled");
        Assert.Equal("waiting", approved.GetProperty("detail").GetProperty("before").GetString());
    }

    [Fact]
    public async Task What_a_waiting_Link_adds_after_its_first_call_is_not_approved_with_it()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval");
        await using var link = new SimulatedLink(host);
        using var waiting = await link.EnrolAsync();
        link.SecondSiteId = Guid.NewGuid();
        using var added = await link.EnrolAsync();
        Assert.Equal(HttpStatusCode.Accepted, added.StatusCode);
        var seen = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}");
        Assert.Equal(link.SiteId, Assert.Single(seen.GetProperty("sites").EnumerateArray()).GetGuid());
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/approve");
        var sites = (await link.StartAsync()).Sites.ToDictionary(s => s.SiteId);
        Assert.True(sites[link.SiteId].Authoritative);
        Assert.False(sites[link.SecondSiteId.Value].Authoritative);
    }

    [Fact]
    public async Task An_operator_approves_the_sites_that_it_names_and_no_others()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval");
        await using var link = new SimulatedLink(host) { SecondSiteId = Guid.NewGuid() };
        using var waiting = await link.EnrolAsync();
        using var strange = await host.SendAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/approve", $$"""{ "sites": ["{{Guid.NewGuid()}}"] }""", adminKey: ApiHost.AdminKey);
        Assert.Equal("sites", Assert.Single((await strange.ErrorAsync(400)).Errors!).Field);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/approve", $$"""{ "sites": ["{{link.SecondSiteId}}"] }""");
        var sites = (await link.StartAsync()).Sites.ToDictionary(s => s.SiteId);
        Assert.False(sites[link.SiteId].Authoritative);
        Assert.True(sites[link.SecondSiteId.Value].Authoritative);
    }

    [Fact]
    public async Task Anonymous_calls_leave_little_behind_and_what_is_silent_makes_room()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time, "Halo:Enrolment=approval");
        await using var tooMany = new SimulatedLink(host) { MoreSites = 50 };
        using var refused = await tooMany.EnrolAsync();
        Assert.Equal("sites", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
        var accepted = 0;
        for (var i = 0; i < 40; i++)
        {
            await using var link = new SimulatedLink(host) { MoreSites = 19 };
            using var answer = await link.EnrolAsync();
            if (answer.StatusCode == HttpStatusCode.Accepted)
                accepted++;
            else
                Assert.Equal(ErrorCodes.TooManyRequests, (await answer.ErrorAsync(429)).Code);
        }
        Assert.Equal(WaitingLinks.MostSitesOfAddress / 20, accepted);
        time.Advance(WaitingLinks.Silence + TimeSpan.FromMinutes(1));
        await using var next = new SimulatedLink(host);
        using var waits = await next.EnrolAsync();
        Assert.Equal(HttpStatusCode.Accepted, waits.StatusCode);
        var left = await host.AdminAsync(HttpMethod.Get, "/admin/v1/links");
        Assert.Equal(next.LinkId, Assert.Single(left.GetProperty("links").EnumerateArray()).GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task Of_all_Links_that_wait_so_many_sites_wait_and_no_more_until_an_operator_makes_room()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval", "Halo:TrustedProxies=127.0.0.1");
        var links = WaitingLinks.MostSites / WaitingLinks.MostSitesOfLink;
        Guid last = default;
        for (var i = 0; i < links; i++)
            last = await EnrolAsync($"198.51.100.{i + 1}", WaitingLinks.MostSitesOfLink, HttpStatusCode.Accepted);
        await EnrolAsync("203.0.113.1", 1, HttpStatusCode.TooManyRequests);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{last}/revoke");
        await EnrolAsync("203.0.113.2", 1, HttpStatusCode.Accepted);
        await EnrolAsync("203.0.113.3", WaitingLinks.MostSitesOfLink, HttpStatusCode.TooManyRequests);

        async Task<Guid> EnrolAsync(string address, int sites, HttpStatusCode expected)
        {
            await using var link = new SimulatedLink(host) { Address = address, MoreSites = sites - 1 };
            using var answer = await link.EnrolAsync();
            Assert.Equal(expected, answer.StatusCode);
            return link.LinkId;
        }
    }

    [Fact]
    public async Task From_one_address_and_from_all_together_so_many_Links_wait_and_no_more()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval", "Halo:TrustedProxies=127.0.0.1");
        // Of an address: one more than may.
        Assert.Equal((WaitingLinks.MostOfAddress, 1), await EnrolAsync(WaitingLinks.MostOfAddress + 1, _ => "203.0.113.1"));
        // Of all, the first twenty included; each from an address of its own.
        var left = WaitingLinks.Most - WaitingLinks.MostOfAddress;
        Assert.Equal((left, 2), await EnrolAsync(left + 2, i => $"198.51.{i / 250}.{i % 250 + 1}"));

        async Task<(int Waits, int Refused)> EnrolAsync(int count, Func<int, string> address)
        {
            var (waits, refused) = (0, 0);
            for (var i = 0; i < count; i++)
            {
                await using var link = new SimulatedLink(host) { Address = address(i) };
                using var answer = await link.EnrolAsync();
                if (answer.StatusCode == HttpStatusCode.Accepted)
                    waits++;
                else if ((await answer.ErrorAsync(429)).Code == ErrorCodes.TooManyRequests)
                    refused++;
            }
            return (waits, refused);
        }
    }

    static async Task<string> TokenAsync(ApiHost host, string? body) =>
        (await host.AdminAsync(HttpMethod.Post, "/admin/v1/enrolment-tokens", body)).GetProperty("token").GetString()!;
}
