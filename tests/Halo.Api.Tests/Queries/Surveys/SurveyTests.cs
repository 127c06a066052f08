using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Sites;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Surveys;

/// <summary>One thing asked of many sites: each is asked once, at so many at once as was said, and each has an outcome.</summary>
public sealed class SurveyTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Every_site_has_an_outcome_and_the_rows_of_all_are_one_stream(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var house = await SurveyHouse.StartAsync(host, 5);
        var (first, second, failing, away, removed) = (house.Links[0], house.Links[1], house.Links[2], house.Links[3], house.Links[4]);
        await away.LeaveAsync();
        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{removed.SiteId}");
        var named = string.Join(", ", house.Links.Select(l => $"\"{l.SiteId}\""));
        var survey = await house.BeginAsync($"{{ \"sites\": [{named}], \"catalogue\": \"patients\", {SurveyHouse.Count} }}", tag: "nightly");
        Assert.Equal((5, 20, "nightly", SurveyStatus.Running), (survey.Sites.Total, survey.AtOnce, survey.Tag, survey.Status));

        var claim = await SurveyHouse.ClaimAsync(first);
        Assert.Equal(("SELECT COUNT(*) AS n FROM patients", "patients", "nightly"), (claim.Command!.Text, claim.Catalogue, claim.Tag));
        await house.AnswerAsync(first, claim, """[{"n":11}]""");
        await house.AnswerAsync(second, await SurveyHouse.ClaimAsync(second), """[{"n":21},{"n":22}]""");
        var failed = await SurveyHouse.ClaimAsync(failing);
        await failing.ReportAsync(failed.QueryId, new(failed.ClaimId, ReportKind.Failed) { Executed = Executed.No, Error = new("sqlite", 1, "no such table: patients") });
        var waits = await house.WhenAsync(survey.Id, s => s.Sites is { Successful: 2, Failed: 1, Refused: 1 });
        Assert.Equal((1, 0, SurveyStatus.Running), (waits.Sites.Waiting, waits.Sites.Running, waits.Status));
        using (var early = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}/results"))
            await early.ErrorAsync(409);

        await away.ConnectAsync();
        await house.AnswerAsync(away, await SurveyHouse.ClaimAsync(away), "[]");
        var done = await house.WhenFinishedAsync(survey.Id);
        Assert.Equal(new SurveyCounts(5, 0, 0, 3, 1, 0, 0, 1), done.Sites);
        Assert.NotNull(done.FinishedAt);

        Assert.Equal(
            $$"""
            {"siteId":"{{first.SiteId}}","n":11}
            {"siteId":"{{second.SiteId}}","n":21}
            {"siteId":"{{second.SiteId}}","n":22}

            """.ReplaceLineEndings("\n"), await house.RowsAsync(survey.Id));
        var sites = (await house.SitesAsync(survey.Id)).Sites;
        Assert.Equal(house.Links.Select(l => l.SiteId), sites.Select(s => s.SiteId));
        Assert.Equal([SurveySiteStatus.Successful, SurveySiteStatus.Successful, SurveySiteStatus.Failed, SurveySiteStatus.Successful, SurveySiteStatus.Refused], sites.Select(s => s.Status));
        Assert.Equal((QueryMode.Async, "nightly", 19L), (sites[1].Query!.Mode, sites[1].Query!.Tag, sites[1].Query!.ResultSize));
        Assert.Equal("no such table: patients", sites[2].Query!.ErrorDetails!.ErrorMessage);
        Assert.Equal(("SiteRemoved", null), (sites[4].Refusal!.Code, sites[4].Query));

        // What it asked is not kept longer than it is needed.
        Assert.Empty(await host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetGuid(0), "SELECT id FROM surveys WHERE request IS NOT NULL OR wrapped_key IS NOT NULL"));
        // None of them is asked again.
        foreach (var link in (SimulatedLink[])[first, second, failing, away])
            Assert.Empty(await link.ClaimAsync());
    }

    [Fact]
    public async Task No_more_sites_are_asked_at_once_than_was_said()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 4);
        var survey = await house.BeginAsync($"{{ \"filter\": {{}}, \"atOnce\": 2, {SurveyHouse.Count} }}");
        for (var done = 0; done < 4; done++)
        {
            var stands = await house.WhenAsync(survey.Id, s => s.Sites.Running == Math.Min(2, 4 - done));
            Assert.Equal((done, Math.Max(0, 2 - done)), (stands.Sites.Successful, stands.Sites.Waiting));
            var running = (await house.SitesAsync(survey.Id, "?status=running")).Sites[0].SiteId;
            var link = house.Links.Single(l => l.SiteId == running);
            await house.AnswerAsync(link, await SurveyHouse.ClaimAsync(link));
        }
        Assert.Equal(4, (await house.WhenFinishedAsync(survey.Id)).Sites.Successful);
    }

    [Fact]
    public async Task A_site_that_is_away_takes_no_place_and_is_given_up_when_the_time_is_over()
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await ApiHost.StartAsync(time);
        await using var house = await SurveyHouse.StartAsync(host, 3);
        await house.Links[0].LeaveAsync();
        await house.Links[1].LeaveAsync();
        var survey = await house.BeginAsync($"{{ \"filter\": {{}}, \"atOnce\": 1, \"maxTimeInQueue\": 600000, {SurveyHouse.Count} }}");
        await house.AnswerAsync(house.Links[2], await SurveyHouse.ClaimAsync(house.Links[2]));
        await house.WhenAsync(survey.Id, s => s.Sites is { Successful: 1, Waiting: 2 });
        time.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(2, (await house.GetAsync(survey.Id)).Sites.Waiting);
        var done = await Eventually.BecomesAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return await house.GetAsync(survey.Id);
        }, s => s.Status == SurveyStatus.Finished);
        Assert.Equal(new SurveyCounts(3, 0, 0, 1, 0, 2, 0, 0), done.Sites);
        await house.Links[0].ConnectAsync();
        Assert.Empty(await house.Links[0].ClaimAsync());
    }

    [Fact]
    public async Task Cancelled_it_asks_no_more_and_stops_what_runs()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 4);
        var survey = await house.BeginAsync($"{{ \"filter\": {{}}, \"atOnce\": 2, {SurveyHouse.Count} }}");
        var running = (await Eventually.BecomesAsync(() => house.SitesAsync(survey.Id, "?status=running"), s => s.Sites.Count == 2)).Sites;
        // One is the Link's by then, the other waits for it.
        var link = house.Links.Single(l => l.SiteId == running[0].SiteId);
        var claim = await SurveyHouse.ClaimAsync(link);
        using (var cancelled = await house.SendAsync(HttpMethod.Delete, $"/{survey.Id}"))
        {
            Assert.Equal(202, (int)cancelled.StatusCode);
            var said = await SurveyHouse.ReadAsync(cancelled);
            Assert.Equal((SurveyStatus.Cancelling, 3, 1), (said.Status, said.Sites.Cancelled, said.Sites.Running));
        }
        Assert.Equal(claim.QueryId, (await link.ExpectAsync(LinkProtocol.Frames.FrameKind.Cancel)).QueryId);
        await link.ReportAsync(claim.QueryId, new(claim.ClaimId, ReportKind.Cancelled) { Executed = Executed.No });
        Assert.Equal(new SurveyCounts(4, 0, 0, 0, 0, 0, 4, 0), (await house.WhenFinishedAsync(survey.Id)).Sites);
        using var again = await house.SendAsync(HttpMethod.Delete, $"/{survey.Id}");
        Assert.Equal(200, (int)again.StatusCode);
        Assert.Equal("", await house.RowsAsync(survey.Id));
    }

    [Theory, OnBothStores]
    public async Task A_service_that_is_restarted_goes_on_and_asks_nobody_twice(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        Guid id;
        SurveyHouse next;
        Claim claimed;
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var house = await SurveyHouse.StartAsync(host, 4);
            await house.Links[3].LeaveAsync();
            id = (await house.BeginAsync($"{{ \"filter\": {{}}, \"atOnce\": 2, {SurveyHouse.Count} }}")).Id;
            var running = (await Eventually.BecomesAsync(() => house.SitesAsync(id, "?status=running"), s => s.Sites.Count == 2)).Sites;
            var link = house.Links.Single(l => l.SiteId == running[0].SiteId);
            claimed = await SurveyHouse.ClaimAsync(link);
            await house.AnswerAsync(link, claimed);
            await house.WhenAsync(id, s => s.Sites is { Successful: 1, Running: 2 });
            next = house.MovedTo(host);
        }
        await using var second = await ApiHost.StartAsync(store.Settings);
        await using var moved = next.MovedTo(second);
        await next.DisposeAsync();
        var stands = await moved.GetAsync(id);
        Assert.Equal((1, 2, 1), (stands.Sites.Successful, stands.Sites.Running, stands.Sites.Waiting));
        var asked = (await moved.SitesAsync(id)).Sites.Where(s => s.Query is not null).ToDictionary(s => s.SiteId, s => s.Query!.Id);
        Assert.Equal(3, asked.Count);
        foreach (var link in moved.Links)
        {
            await link.ConnectAsync();
            if (asked.GetValueOrDefault(link.SiteId) == claimed.QueryId)
                continue;
            var claim = await SurveyHouse.ClaimAsync(link);
            if (asked.TryGetValue(link.SiteId, out var before))
                Assert.Equal(before, claim.QueryId);
            await moved.AnswerAsync(link, claim);
        }
        Assert.Equal(4, (await moved.WhenFinishedAsync(id)).Sites.Successful);
        foreach (var link in moved.Links)
            Assert.Empty(await link.ClaimAsync());
        using var all = await second.SendAsync(HttpMethod.Get, "/admin/v1/queries", adminKey: ApiHost.AdminKey);
        Assert.Equal(4, System.Text.Json.JsonDocument.Parse(await all.Content.ReadAsStringAsync()).RootElement.GetProperty("queries").GetArrayLength());
    }

    [Fact]
    public async Task Whoever_waits_for_its_end_is_told_at_once()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 1);
        var survey = await house.BeginAsync(SurveyHouse.All);
        using (var before = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}?wait=1"))
            Assert.Equal(SurveyStatus.Running, (await SurveyHouse.ReadAsync(before)).Status);
        var claim = await SurveyHouse.ClaimAsync(house.Links[0]);
        var waiting = house.SendAsync(HttpMethod.Get, $"/{survey.Id}?wait=60000");
        await Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<Halo.Api.Queries.Settling.QueryWaiters>().Count == 2));
        await house.AnswerAsync(house.Links[0], claim);
        using var told = await waiting;
        Assert.Equal(SurveyStatus.Finished, (await SurveyHouse.ReadAsync(told)).Status);
        foreach (var bad in (string[])["60001", "-1", "x"])
        {
            using var refused = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}?wait={bad}");
            await refused.ErrorAsync(400);
        }
    }

    [Fact]
    public async Task A_service_that_stops_finishes_nothing()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        Guid id;
        SurveyHouse next;
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var house = await SurveyHouse.StartAsync(host, 3);
            id = (await house.BeginAsync($"{{ \"filter\": {{}}, \"atOnce\": 1, {SurveyHouse.Count} }}")).Id;
            await house.WhenAsync(id, s => s.Sites.Running == 1);
            // As it does first of all when it stops.
            host.Services.GetRequiredService<Halo.Api.Queries.Settling.QueryWaiters>().Stop();
            next = house.MovedTo(host);
        }
        await using var second = await ApiHost.StartAsync(store.Settings);
        await using var moved = next.MovedTo(second);
        await next.DisposeAsync();
        Assert.Equal((SurveyStatus.Running, 1, 2), ((await moved.GetAsync(id)).Status, (await moved.GetAsync(id)).Sites.Running, (await moved.GetAsync(id)).Sites.Waiting));
    }

    [Fact]
    public async Task Who_loses_the_right_to_a_site_does_not_ask_it_later()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 3);
        foreach (var link in house.Links)
            await link.LeaveAsync();
        var survey = await house.BeginAsync(SurveyHouse.All);
        using (var unpaired = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{house.Integrator}/pairings/{house.Links[0].SiteId}", adminKey: ApiHost.AdminKey))
            Assert.Equal(200, (int)unpaired.StatusCode);
        Assert.Equal((1, 2), ((await house.GetAsync(survey.Id)).Sites.Cancelled, (await house.GetAsync(survey.Id)).Sites.Waiting));
        foreach (var enabled in (string[])["false", "true"])
            await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{house.Integrator}", $"{{ \"enabled\": {enabled} }}");
        await house.Links[1].ConnectAsync();
        Assert.Equal(3, (await house.GetAsync(survey.Id)).Sites.Cancelled);
        Assert.Empty(await house.Links[1].ClaimAsync());
    }

    [Fact]
    public async Task After_a_restore_nothing_that_waited_is_asked()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 2);
        await house.Links[1].LeaveAsync();
        var survey = await house.BeginAsync(SurveyHouse.All);
        await house.WhenAsync(survey.Id, s => s.Sites.Running == 1);
        await Halo.Api.Ledger.RestoredLedger.SettleAsync(host.Services.GetRequiredService<Database>(), TimeProvider.System);
        var sites = (await house.SitesAsync(survey.Id)).Sites;
        Assert.Equal((SurveySiteStatus.Failed, SurveySiteStatus.Refused, "Restored"), (sites[0].Status, sites[1].Status, sites[1].Refusal!.Code));
        await house.Links[1].ConnectAsync();
        Assert.Empty(await house.Links[1].ClaimAsync());
    }

    [Fact]
    public async Task A_batch_is_refused_where_the_Link_is_too_old_for_it_and_runs_at_the_others()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 2);
        await house.Links[1].LeaveAsync();
        house.Links[1].Capabilities = [Hello.RunsBatches];
        await house.Links[1].ConnectAsync();
        var survey = await house.BeginAsync("""{ "filter": {}, "commands": [{ "text": "DELETE FROM a", "executionMode": "nonQuery" }, { "text": "SELECT 1" }] }""");
        var claim = await SurveyHouse.ClaimAsync(house.Links[1]);
        Assert.Equal(2, claim.Batch!.Commands.Count);
        var stands = await house.WhenAsync(survey.Id, s => s.Sites is { Refused: 1, Running: 1 });
        Assert.Equal("Conflict", (await house.SitesAsync(survey.Id, "?status=refused")).Sites[0].Refusal!.Code);
        Assert.Equal(SurveyStatus.Running, stands.Status);
    }

    [Theory, OnBothStores]
    public async Task Its_end_is_an_event(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var house = await SurveyHouse.StartAsync(host, 1);
        var survey = await house.BeginAsync(SurveyHouse.All, tag: "nightly");
        await house.AnswerAsync(house.Links[0], await SurveyHouse.ClaimAsync(house.Links[0]));
        await house.WhenFinishedAsync(survey.Id);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/integrator/events?types=survey.finished");
        request.Headers.Add("Ocp-Apim-Subscription-Key", house.Key);
        request.Headers.Add("Last-Event-ID", "0");
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var told = System.Net.ServerSentEvents.SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator();
        do
            Assert.True(await told.MoveNextAsync().AsTask().WaitAsync(Eventually.Limit));
        while (told.Current.EventType != "survey.finished");
        var data = System.Text.Json.JsonDocument.Parse(told.Current.Data).RootElement;
        Assert.False(data.TryGetProperty("siteId", out _));
        Assert.Equal((survey.Id, "nightly"), (data.GetProperty("data").GetProperty("surveyId").GetGuid(), data.GetProperty("data").GetProperty("tag").GetString()));
    }
}
