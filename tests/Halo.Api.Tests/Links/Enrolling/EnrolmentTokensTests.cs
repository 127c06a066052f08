using System.Net;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Testing;

namespace Halo.Api.Tests.Links.Enrolling;

/// <summary>Enrolment tokens are listed with what became of them, and revoked.</summary>
public sealed class EnrolmentTokensTests(SharedPostgres postgres)
{
    const string Path = "/admin/v1/enrolment-tokens";

    [Theory, OnBothStores]
    public async Task Each_is_listed_with_its_state_and_who_made_it(StoreKind kind)
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(kind, postgres, time, "Halo:Enrolment=token");
        var usable = await LaterAsync("""{ "expiresInMinutes": 200, "uses": 2, "practiceManagementName": "Zedmed", "practiceManagementSiteId": "77" }""");
        var spent = await LaterAsync(null);
        var expired = await LaterAsync("""{ "expiresInMinutes": 1 }""");
        var revoked = await LaterAsync("""{ "uses": 10000 }""");
        Assert.Equal(HttpStatusCode.Created, await EnrolAsync(host, spent.Token));
        time.Advance(TimeSpan.FromMinutes(2));
        await RevokeAsync(host, revoked.Id, 204);

        var all = await ListAsync(host);
        Assert.Equal(
            [(usable.Id, EnrolmentTokenState.Usable, 2, 2), (spent.Id, EnrolmentTokenState.Spent, 1, 0), (expired.Id, EnrolmentTokenState.Expired, 1, 1), (revoked.Id, EnrolmentTokenState.Revoked, 10_000, 10_000)],
            all.Tokens.Select(t => (t.Id, t.State, t.Uses!.Value, t.UsesLeft)));
        Assert.Equal(("Zedmed", "77", "operator", null), (all.Tokens[0].PracticeManagementName, all.Tokens[0].PracticeManagementSiteId, all.Tokens[0].CreatedBy, all.Tokens[0].RevokedAt));
        Assert.NotNull(all.Tokens[3].RevokedAt);
        foreach (var token in all.Tokens)
            Assert.Equal([token], (await ListAsync(host, $"?state={token.State.ToString().ToLowerInvariant()}")).Tokens);
        // In pages, the last of which says so; of one state, too.
        var ids = new List<Guid>();
        for (string? next = ""; next is not null;)
        {
            var page = await ListAsync(host, $"?limit=3{(next.Length == 0 ? "" : $"&after={next}")}");
            ids.AddRange(page.Tokens.Select(t => t.Id));
            next = page.Next;
        }
        Assert.Equal(all.Tokens.Select(t => t.Id), ids);
        Assert.Equal([spent.Id], (await ListAsync(host, $"?limit=1&state=spent&after={usable.Id}")).Tokens.Select(t => t.Id));

        // A new one takes away those that ended more than 90 days ago.
        time.Advance(TimeSpan.FromDays(90) - TimeSpan.FromMinutes(1) - TimeSpan.FromSeconds(1));
        await MakeAsync(host, null);
        Assert.Equal(5, (await ListAsync(host)).Tokens.Count);
        time.Advance(TimeSpan.FromSeconds(2));
        await MakeAsync(host, null);
        Assert.DoesNotContain((await ListAsync(host)).Tokens, t => t.Id == expired.Id);

        // A millisecond after the one before, so that their order is known.
        async Task<NewEnrolmentToken> LaterAsync(string? body)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            return await MakeAsync(host, body);
        }
    }

    [Theory, OnBothStores]
    public async Task By_one_that_was_revoked_no_Link_enrols_and_those_that_have_stay(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, "Halo:Enrolment=token");
        var token = await MakeAsync(host, """{ "uses": 2, "practiceManagementName": "Zedmed", "practiceManagementSiteId": "77" }""");
        await using var known = new SimulatedLink(host) { PmsName = "Zedmed", PmsId = "77" };
        using (var enrolled = await known.EnrolAsync(token: token.Token))
            Assert.Equal(HttpStatusCode.Created, enrolled.StatusCode);
        await RevokeAsync(host, token.Id, 204);
        await RevokeAsync(host, token.Id, 204);
        await RevokeAsync(host, Guid.NewGuid(), 404);

        await using var late = new SimulatedLink(host) { PmsName = "Zedmed", PmsId = "77" };
        using (var refused = await late.EnrolAsync(token: token.Token))
        {
            var error = await refused.ErrorAsync(401);
            Assert.Equal(ErrorCodes.EnrolmentTokenInvalid, error.Code);
            Assert.Contains("revoked", error.Message, StringComparison.Ordinal);
        }
        using (var again = await known.EnrolAsync(token: token.Token))
            Assert.True(again.IsSuccessStatusCode);
        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).Deserialize(AdminJson.Default.AuditEntryList)!.Audit;
        var revoked = Assert.Single(audit, a => a.Action == "enrolment-token.revoked");
        Assert.Equal((token.Id.ToString(), "Zedmed 77", 1), (revoked.Subject, (string)revoked.Detail!["practice"]!, (int)revoked.Detail!["usesLeft"]!));
        Assert.Equal(token.Id.ToString(), (string)Assert.Single(audit, a => a.Action == "link.enrolled").Detail!["enrolmentTokenId"]!);
    }

    [Theory]
    [InlineData("state=Usable", "state")]
    [InlineData("state=gone", "state")]
    [InlineData("limit=1001", "limit")]
    [InlineData("after=x", "after")]
    public async Task What_is_asked_wrongly_is_told(string query, string field)
    {
        await using var host = await ApiHost.StartAsync();
        using var refused = await host.SendAsync(HttpMethod.Get, $"{Path}?{query}", adminKey: ApiHost.AdminKey);
        Assert.Equal(field, Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
    }

    static async Task<NewEnrolmentToken> MakeAsync(ApiHost host, string? body) => (await host.AdminAsync(HttpMethod.Post, Path, body)).Deserialize(AdminJson.Default.NewEnrolmentToken)!;

    static async Task<AdminEnrolmentTokenList> ListAsync(ApiHost host, string query = "") =>
        (await host.AdminAsync(HttpMethod.Get, Path + query)).Deserialize(AdminJson.Default.AdminEnrolmentTokenList)!;

    static async Task<HttpStatusCode> EnrolAsync(ApiHost host, string token)
    {
        await using var link = new SimulatedLink(host);
        using var answer = await link.EnrolAsync(token: token);
        return answer.StatusCode;
    }

    static async Task RevokeAsync(ApiHost host, Guid id, int status)
    {
        using var response = await host.SendAsync(HttpMethod.Delete, $"{Path}/{id}", adminKey: ApiHost.AdminKey);
        Assert.Equal(status, (int)response.StatusCode);
    }
}
