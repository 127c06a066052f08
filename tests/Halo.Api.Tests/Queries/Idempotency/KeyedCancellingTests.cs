using Halo.Api.Queries.Idempotency;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Idempotency;

public class KeyedCancellingTests(SharedPostgres postgres)
{
    const string Write = """{ "command": { "text": "UPDATE t SET n = n + 1", "executionMode": "nonQuery" } }""";

    [Theory, OnBothStores]
    public async Task An_immediate_query_whose_caller_went_away_is_ended_by_its_key(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        using var caller = new CancellationTokenSource();
        var asked = site.AskAsync(Write, "a/b c", caller.Token);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);

        var (status, shown) = await CancelAsync(site, "a/b c");
        Assert.Equal((202, id, QueryStatus.Executing), (status, shown!.Id, shown.Status));
        Assert.Equal(id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        await site.Link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));

        // The end that its key leads to from now on.
        using var repeat = await site.AskAsync(Write, "a/b c");
        var ended = await repeat.QueryAsync();
        Assert.Equal((409, id, QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator, true),
            ((int)repeat.StatusCode, ended.Id, ended.Status, ended.Executed!.Value, ended.ErrorDetails!.Code, repeat.Headers.Contains("Halo-Replayed")));
        (status, shown) = await CancelAsync(site, "a/b c");
        Assert.Equal((200, QueryStatus.Cancelled), (status, shown!.Status));
        await IdempotencyTests.NothingElseWasSentAsync(site);
    }

    [Theory, OnBothStores]
    public async Task A_queued_query_is_cancelled_in_the_answer(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        using var queued = await site.SendAsync(HttpMethod.Post, "/async", Write, "a");
        var (status, shown) = await CancelAsync(site, "a");
        Assert.Equal((202, (await queued.QueryAsync()).Id, QueryStatus.Cancelled, Executed.No), (status, shown!.Id, shown.Status, shown.Executed!.Value));
        Assert.Equal(200, (await CancelAsync(site, "a")).Status);
        Assert.Empty(await site.Link.ClaimAsync());
    }

    [Fact]
    public async Task A_write_that_was_finished_stays_successful()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        Assert.Equal(202, (await CancelAsync(site, "a")).Status);
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var answered = await asked;
        Assert.Equal(200, (int)answered.StatusCode);
        var (status, shown) = await CancelAsync(site, "a");
        Assert.Equal((200, id, QueryStatus.Successful), (status, shown!.Id, shown.Status));
    }

    [Theory, OnBothStores]
    public async Task What_still_waits_for_its_site_waits_no_longer_and_its_key_is_free(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        // Broken, it counts as online for a while, and what is asked waits for it.
        await site.Link.BreakAsync();
        await Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<Api.Links.Sessions.LinkSessions>().Find(site.Link.LinkId) is null));
        var asked = site.AskAsync(Write, "a");
        await UnderWayAsync(host, "a");
        Assert.Equal(404, (await CancelAsync(site, "a")).Status);
        using var first = await asked;
        var ended = await first.QueryAsync();
        Assert.Equal((409, QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator),
            ((int)first.StatusCode, ended.Status, ended.Executed!.Value, ended.ErrorDetails!.Code));
        Assert.Equal(QueryStatus.Cancelled, (await site.GetAsync(ended.Id)).Status);
        await site.Link.ConnectAsync();
        await IdempotencyTests.NothingElseWasSentAsync(site);
        asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var second = await asked;
        Assert.Equal((200, false), ((int)second.StatusCode, second.Headers.Contains("Halo-Replayed")));
    }

    [Theory, OnBothStores]
    public async Task Of_a_request_and_a_cancel_at_once_both_tell_the_same(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        for (var round = 0; round < 40; round++)
        {
            var key = $"round {round}";
            var asked = site.AskAsync(Write, key);
            await UnderWayAsync(host, key);
            var (status, shown) = await CancelAsync(site, key);
            if (status == 202)
            {
                // Execute before Cancel, or the Link would not know what to stop.
                var (id, _) = await site.Link.ExpectExecuteAsync();
                Assert.Equal((id, id), (shown!.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId));
                await site.Link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));
            }
            else
                Assert.Equal(404, status);
            using var answered = await asked;
            var ended = await answered.QueryAsync();
            Assert.Equal((409, QueryStatus.Cancelled, Executed.No), ((int)answered.StatusCode, ended.Status, ended.Executed!.Value));
        }
        await IdempotencyTests.NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task A_key_that_another_query_took_over_leads_to_that_one()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync(Write, "a");
        var (expired, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(expired, new Outcome(Ending.Expired, Executed.No));
        using var first = await asked;
        Assert.Equal(503, (int)first.StatusCode);
        asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        var (status, shown) = await CancelAsync(site, "a");
        Assert.Equal((202, id), (status, shown!.Id));
        await site.Link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));
        (await asked).Dispose();
    }

    [Fact]
    public async Task Nobody_cancels_by_anothers_key_at_another_site_or_by_no_key()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var other = await PairedSite.CreateAsync(host);
        using var queued = await site.SendAsync(HttpMethod.Post, "/async", Write, "a");
        var id = (await queued.QueryAsync()).Id;
        await using var stranger = new PairedSite(host, site.Link, await host.CreatePairedAsync(site.Link.SiteId));
        Assert.Equal(404, (await CancelAsync(stranger, "a")).Status);
        Assert.Equal(404, (await CancelAsync(site, "b")).Status);
        using var elsewhere = await host.SendAsync(HttpMethod.Delete, $"{other.Path}?idempotencyKey=a", key: site.Key);
        await elsewhere.ErrorAsync(403);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{(await site.GetAsync(id)).IntegratorId}/pairings/{other.Link.SiteId}");
        using var paired = await host.SendAsync(HttpMethod.Delete, $"{other.Path}?idempotencyKey=a", key: site.Key);
        await paired.ErrorAsync(404);
        foreach (var query in (string[])["", "?idempotencyKey=", $"?idempotencyKey={new string('k', 129)}", "?idempotencyKey=a&idempotencyKey=b"])
        {
            using var malformed = await site.SendAsync(HttpMethod.Delete, query);
            Assert.Equal("idempotencyKey", Assert.Single((await malformed.ErrorAsync(400)).Errors!).Field);
        }
        Assert.Equal(QueryStatus.Queued, (await site.GetAsync(id)).Status);
        // Nor one of the same key that still waits for its own site.
        await other.Link.BreakAsync();
        await Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<Api.Links.Sessions.LinkSessions>().Find(other.Link.LinkId) is null));
        var waiting = new PairedSite(host, other.Link, site.Key).AskAsync(Write, "w");
        await UnderWayAsync(host, "w");
        Assert.Equal(404, (await CancelAsync(site, "w")).Status);
        await other.Link.ConnectAsync();
        var (ran, _) = await other.Link.ExpectExecuteAsync();
        await other.Link.TellAsync(ran, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var went = await waiting;
        Assert.Equal(200, (int)went.StatusCode);
    }

    static async Task<(int Status, Query? Query)> CancelAsync(PairedSite site, string key)
    {
        using var response = await site.SendAsync(HttpMethod.Delete, $"?idempotencyKey={Uri.EscapeDataString(key)}");
        if ((int)response.StatusCode is 200 or 202)
            return ((int)response.StatusCode, await response.QueryAsync());
        return ((await response.ErrorAsync(404)).Status, null);
    }

    /// <summary>Until a request with the key is being carried out, or was.</summary>
    static Task UnderWayAsync(ApiHost host, string key)
    {
        var claims = host.Services.GetRequiredService<IdempotencyClaims>();
        var integrators = host.Services.GetRequiredService<Api.Integrators.IntegratorDirectory>();
        return Until.TrueAsync(() => Task.FromResult(integrators.All.Any(i => claims.Find(i.Id, key).Count > 0)));
    }
}
