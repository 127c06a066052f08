using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Sites;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Surveys;

/// <summary>What a survey can be asked for, whose it is, and how its sites and rows are read.</summary>
public sealed class SurveyRequestTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Sites_are_listed_in_pages_and_by_how_they_stand()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 4);
        await house.Links[3].LeaveAsync();
        var survey = await house.BeginAsync(SurveyHouse.All);
        foreach (var link in house.Links.Take(3))
            await house.AnswerAsync(link, await SurveyHouse.ClaimAsync(link));
        await house.WhenAsync(survey.Id, s => s.Sites.Successful == 3);
        var read = new List<Guid>();
        for (var next = ""; next is not null;)
        {
            var page = await house.SitesAsync(survey.Id, $"?limit=2{next}");
            Assert.Equal(2, page.Sites.Count);
            read.AddRange(page.Sites.Select(s => s.SiteId));
            next = page.Next is null ? null : $"&after={page.Next}";
        }
        Assert.Equal(house.Links.Select(l => l.SiteId), read);
        Assert.Equal(house.Links[3].SiteId, Assert.Single((await house.SitesAsync(survey.Id, "?status=waiting")).Sites).SiteId);
        Assert.Equal(3, (await house.SitesAsync(survey.Id, "?status=successful")).Sites.Count);
        Assert.Empty((await house.SitesAsync(survey.Id, "?status=failed")).Sites);
        foreach (var bad in (string[])["?status=done", "?limit=0", "?after=x"])
        {
            using var refused = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}/sites{bad}");
            await refused.ErrorAsync(400);
        }
    }

    [Fact]
    public async Task A_result_that_is_gone_is_said_before_the_first_row()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 3);
        var survey = await house.BeginAsync(SurveyHouse.All);
        foreach (var link in house.Links)
            await house.AnswerAsync(link, await SurveyHouse.ClaimAsync(link));
        await house.WhenFinishedAsync(survey.Id);
        var last = (await house.SitesAsync(survey.Id)).Sites[2];
        using (var removed = await host.SendAsync(HttpMethod.Delete, $"/integrator/sites/{last.SiteId}/queries/{last.Query!.Id}/results", key: house.Key))
            Assert.Equal(204, (int)removed.StatusCode);
        using var gone = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}/results");
        await gone.ErrorAsync(410);
    }

    [Theory]
    [InlineData(Halo.Api.Queries.Surveys.SurveyRequestReader.LargestCommand, 201)]
    [InlineData(Halo.Api.Queries.Surveys.SurveyRequestReader.LargestCommand + 1, 413)]
    public async Task A_command_has_at_most_so_many_bytes(int bytes, int status)
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 1);
        const string Around = """{ "text": "" }""";
        using var answer = await house.SendAsync(HttpMethod.Post, body: $$"""{ "filter": {}, "command": {{Around.Insert(11, new string('x', bytes - Around.Length))}} }""");
        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory, OnBothStores]
    public async Task Ten_thousand_sites_are_a_survey_and_one_more_is_none(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        SurveyHouse next;
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var house = await SurveyHouse.StartAsync(host, 1);
            await SiteCopies.AddAsync(host, house.Integrator, house.Links[0].SiteId, 10_000);
            next = house.MovedTo(host);
        }
        await using var second = await ApiHost.StartAsync(store.Settings);
        await using var moved = next.MovedTo(second);
        await next.DisposeAsync();
        using (var tooMany = await moved.SendAsync(HttpMethod.Post, body: SurveyHouse.All))
            Assert.Contains("10001", (await tooMany.ErrorAsync(400)).Message, StringComparison.Ordinal);
        using (var unpaired = await second.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{moved.Integrator}/pairings/{moved.Links[0].SiteId}", adminKey: ApiHost.AdminKey))
            Assert.Equal(200, (int)unpaired.StatusCode);
        var survey = await moved.BeginAsync(SurveyHouse.All);
        Assert.Equal((10_000, 10_000), (survey.Sites.Total, survey.Sites.Waiting));
        Assert.Equal(10_000, (await moved.GetAsync(survey.Id)).Sites.Waiting);
        Assert.Equal(1000, (await moved.SitesAsync(survey.Id, "?limit=1000")).Sites.Count);
        using (var cancelled = await moved.SendAsync(HttpMethod.Delete, $"/{survey.Id}"))
            Assert.True(cancelled.IsSuccessStatusCode);
        Assert.Equal(10_000, (await moved.WhenFinishedAsync(survey.Id)).Sites.Cancelled);
        Assert.Equal(1, await new Halo.Api.Ledger.Surveys.SurveyRetention(second.Services.GetRequiredService<Database>()).ForgetAsync(TimeProvider.System.GetUtcNow().AddDays(1)));
        Assert.Empty(await second.Services.GetRequiredService<Database>().ReadAsync(r => r.GetGuid(0), "SELECT site_id FROM survey_sites"));
    }

    [Theory, OnBothStores]
    public async Task With_a_key_it_is_begun_once(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var house = await SurveyHouse.StartAsync(host, 2);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => house.SendAsync(HttpMethod.Post, body: SurveyHouse.All, idempotencyKey: "k1")));
        Assert.All(answers, a => Assert.Equal(201, (int)a.StatusCode));
        var ids = await Task.WhenAll(answers.Select(async a => (await SurveyHouse.ReadAsync(a)).Id));
        Assert.Single(ids.Distinct());
        Assert.Equal(7, answers.Count(a => a.Headers.Contains("Halo-Replayed")));
        using (var other = await house.SendAsync(HttpMethod.Post, body: SurveyHouse.All.Replace("COUNT(*)", "1", StringComparison.Ordinal), idempotencyKey: "k1"))
            await other.ErrorAsync(422);
        // Keys are one space: a query at a site cannot have it either.
        using (var single = new HttpRequestMessage(HttpMethod.Post, $"/integrator/sites/{house.Links[0].SiteId}/queries/async"))
        {
            single.Headers.Add("Ocp-Apim-Subscription-Key", house.Key);
            single.Headers.Add("Idempotency-Key", "k1");
            single.Content = new StringContent(PairedSite.SelectOne, System.Text.Encoding.UTF8, "application/json");
            using var refused = await host.Client.SendAsync(single);
            await refused.ErrorAsync(422);
        }
        foreach (var link in house.Links)
        {
            await SurveyHouse.ClaimAsync(link);
            Assert.Empty(await link.ClaimAsync());
        }
    }

    [Fact]
    public async Task An_integrator_has_no_more_running_than_allowed_and_sees_its_own_alone()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:SurveysPerIntegrator=2");
        await using var house = await SurveyHouse.StartAsync(host, 1);
        await using var stranger = await SurveyHouse.StartAsync(host, 1);
        var first = await house.BeginAsync(SurveyHouse.All);
        var second = await house.BeginAsync(SurveyHouse.All);
        using (var third = await house.SendAsync(HttpMethod.Post, body: SurveyHouse.All, idempotencyKey: "k"))
            await third.ErrorAsync(409);
        using (var listed = await house.SendAsync(HttpMethod.Get, "?limit=1"))
        {
            var page = (await System.Net.Http.Json.HttpContentJsonExtensions.ReadFromJsonAsync(listed.Content, Halo.Contracts.Json.HaloJson.Default.SurveyList))!;
            Assert.Equal((second.Id, second.Id.ToString()), (Assert.Single(page.Surveys).Id, page.Next));
        }
        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Get, ""), (HttpMethod.Delete, ""), (HttpMethod.Get, "/sites"), (HttpMethod.Get, "/results")])
        {
            using var refused = await stranger.SendAsync(method, $"/{first.Id}{path}");
            await refused.ErrorAsync(404);
        }
        await house.AnswerAsync(house.Links[0], await SurveyHouse.ClaimAsync(house.Links[0]));
        // Which of the two asked first is not known.
        await Eventually.BecomesAsync(async () => new[] { await house.GetAsync(first.Id), await house.GetAsync(second.Id) }, both => both.Any(s => s.Status == SurveyStatus.Finished));
        // The key was not bound by what was refused.
        using var now = await house.SendAsync(HttpMethod.Post, body: SurveyHouse.All, idempotencyKey: "k");
        Assert.Equal(201, (int)now.StatusCode);
    }

    [Fact]
    public async Task Rows_have_the_sites_value_under_a_name_that_is_free_and_large_integers_as_they_are_wanted()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 2);
        var survey = await house.BeginAsync(SurveyHouse.All);
        var columns = new[] { new ResultColumn("siteId", SqlType.NVarChar, "TEXT"), new ResultColumn("n", SqlType.BigInt, "INTEGER") };
        foreach (var link in house.Links)
            await house.AnswerAsync(link, await SurveyHouse.ClaimAsync(link), """[{"siteId":"a\"b","n":9007199254740993},{}]""", columns);
        await house.WhenFinishedAsync(survey.Id);
        using (var clash = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}/results"))
            Assert.Contains("siteColumn", (await clash.ErrorAsync(400)).Message, StringComparison.Ordinal);
        using (var unpaired = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{house.Integrator}/pairings/{house.Links[1].SiteId}", adminKey: ApiHost.AdminKey))
            Assert.Equal(200, (int)unpaired.StatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/integrator/queries/{survey.Id}/results?siteColumn=the%20clinic");
        request.Headers.Add("Ocp-Apim-Subscription-Key", house.Key);
        request.Headers.Add("Halo-Integers", "string");
        using var response = await host.Client.SendAsync(request);
        var site = house.Links[0].SiteId;
        Assert.Equal($$"""{"the clinic":"{{site}}","siteId":"a\"b","n":"9007199254740993"}""" + "\n" + $$"""{"the clinic":"{{site}}"}""" + "\n", await response.Content.ReadAsStringAsync());
        Assert.Null((await house.SitesAsync(survey.Id)).Sites[1].Query);
        foreach (var bad in (string[])["?siteColumn=" + new string('x', 129), "?result=1"])
        {
            using var refused = await house.SendAsync(HttpMethod.Get, $"/{survey.Id}/results{bad}");
            await refused.ErrorAsync(400);
        }
    }

    [Theory]
    [InlineData("""{ }""", "sites", "command")]
    [InlineData("""{ "sites": [], "command": { "text": "SELECT 1" } }""", "sites")]
    [InlineData("""{ "sites": "x", "command": { "text": "SELECT 1" } }""", "sites")]
    [InlineData("""{ "sites": [1, "x", "SITE", "SITE", "0199e2a4-7c1e-7b52-8a70-3d1f4b6c9e20"], "command": { "text": "SELECT 1" } }""", "sites[0]", "sites[1]", "sites[3]", "sites[4]")]
    [InlineData("""{ "sites": ["SITE"], "filter": {}, "command": { "text": "SELECT 1" } }""", "sites")]
    [InlineData("""{ "filter": [], "command": { "text": "SELECT 1" } }""", "filter")]
    [InlineData("""{ "filter": { "availability": "there", "pms": "x" }, "command": { "text": "SELECT 1" } }""", "filter.pms", "filter.availability")]
    [InlineData("""{ "filter": { "practiceManagementName": 1 }, "command": { "text": "SELECT 1" } }""", "filter.practiceManagementName")]
    [InlineData("""{ "filter": { "practiceManagementName": "Nobody's" }, "command": { "text": "SELECT 1" } }""", "filter")]
    [InlineData("""{ "filter": {}, "atOnce": 0, "maxTimeInQueue": 0, "mode": "immediate", "command": { "text": "SELECT 1" } }""", "atOnce", "maxTimeInQueue", "mode")]
    [InlineData("""{ "filter": {}, "atOnce": 1001, "maxTimeInQueue": 7200001, "command": { "text": " ", "executionMode": "x" } }""", "atOnce", "maxTimeInQueue", "command.text", "command.executionMode")]
    [InlineData("""{ "filter": {}, "at_once": 3, "Filter": {}, "command": { "text": "SELECT 1" } }""", "Filter", "at_once")]
    public async Task Bad_input_is_refused_with_every_fault(string body, params string[] fields)
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 1);
        using var refused = await house.SendAsync(HttpMethod.Post, body: body.Replace("SITE", house.Links[0].SiteId.ToString(), StringComparison.Ordinal));
        var error = await refused.ErrorAsync(400);
        Assert.Equal(fields.Order(), error.Errors!.Select(e => e.Field).Order());
        using var none = await house.SendAsync(HttpMethod.Get);
        Assert.Equal("""{"surveys":[]}""", await none.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_site_without_the_catalogue_is_refused_and_the_others_are_asked()
    {
        await using var host = await ApiHost.StartAsync();
        await using var house = await SurveyHouse.StartAsync(host, 1);
        var survey = await house.BeginAsync($"{{ \"filter\": {{ \"availability\": \"online\", \"practiceManagementName\": \"best practice\" }}, \"catalogue\": \"Letters\", {SurveyHouse.Count} }}");
        Assert.Equal(1, (await house.WhenFinishedAsync(survey.Id)).Sites.Refused);
        var refusal = (await house.SitesAsync(survey.Id)).Sites[0].Refusal!;
        Assert.Equal("InvalidRequest", refusal.Code);
        Assert.Contains("Patients", refusal.Message, StringComparison.Ordinal);
    }
}
