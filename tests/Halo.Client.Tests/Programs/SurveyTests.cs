using Halo.Client.Surveys;
using Halo.Contracts.Queries;
using Halo.Testing;

namespace Halo.Client.Tests.Programs;

/// <summary>One command asked of many sites, with the real programs.</summary>
public abstract class SurveyTests(House house)
{
    HaloClient Client => house.Practice.Client;

    [Fact]
    public async Task Rows_come_with_their_site_from_any_process()
    {
        var begun = await Client.Surveys.BeginAsync(HaloCommand.Text(house.Practice.Numbers(3000)), new SurveyFilter(), options: new() { Tag = "numbers" });
        using var other = house.Practice.MakeClient();
        var survey = other.Surveys.Resume(begun.Id);
        var rows = new List<HaloSiteRow<(long Id, string Name, decimal Amount, long? Third)>>();
        await foreach (var row in survey.ReadAsync<(long Id, string Name, decimal Amount, long? Third)>(TestContext.Current.CancellationToken))
            rows.Add(row);
        Assert.Equal(Enumerable.Range(1, 3000).Select(i => (long)i), rows.Select(r => r.Row.Id));
        Assert.All(rows, r => Assert.Equal(house.Practice.Info.Id, r.SiteId));
        var ended = await survey;
        Assert.Equal((1, 1, "numbers"), (ended.Sites.Total, ended.Sites.Successful, ended.Tag));
        var site = Assert.Single(await SitesAsync(survey));
        Assert.Equal((SurveySiteStatus.Successful, QueryStatus.Successful), (site.Status, site.Query?.Status));
        Assert.Equal(SurveyStatus.Finished, (await survey.CancelAsync(TestContext.Current.CancellationToken)).Status);
        var listed = new List<Survey>();
        await foreach (var one in Client.Surveys.ListAsync(TestContext.Current.CancellationToken))
            listed.Add(one);
        Assert.Contains(listed, s => s.Id == begun.Id);
    }

    [Fact]
    public async Task What_fails_at_a_site_and_what_is_not_taken_is_told()
    {
        var survey = await Client.Surveys.BeginAsync(HaloCommand.Text("SELECT * FROM nowhere"), [house.Practice.Info.Id], atOnce: 1);
        Assert.Equal(1, (await survey.WaitAsync(TestContext.Current.CancellationToken)).Sites.Failed);
        Assert.Contains("nowhere", Assert.Single(await SitesAsync(survey, SurveySiteStatus.Failed)).Query!.ErrorDetails!.ErrorMessage, StringComparison.Ordinal);
        Assert.Empty(await SitesAsync(survey, SurveySiteStatus.Successful));
        var refused = await Assert.ThrowsAsync<HaloException>(() => Client.Surveys.BeginAsync(HaloCommand.Text("SELECT 1"), [Guid.NewGuid()]));
        Assert.Equal("InvalidRequest", refused.Code);
        var unknown = await Assert.ThrowsAsync<HaloException>(() => Client.Surveys.Resume(Guid.NewGuid()).GetAsync(TestContext.Current.CancellationToken));
        Assert.Equal("NotFound", unknown.Code);
    }

    [Fact]
    public async Task A_write_is_begun_once_though_its_answer_was_lost()
    {
        var table = $"survey_{Guid.NewGuid():N}";
        await house.Practice.Site.ExecuteAsync(HaloCommand.Text("CREATE TABLE " + table + " (n int)"));
        var options = new HaloQueryOptions { IdempotencyKey = table };
        Task<HaloSurvey> BeginAsync() => Client.Surveys.BeginAsync(HaloCommand.Text("INSERT INTO " + table + " VALUES (@n)").With("n", 7), new SurveyFilter(), ExecutionMode.NonQuery, options: options);
        var first = await BeginAsync();
        Assert.Equal(first.Id, (await BeginAsync()).Id);
        Assert.Equal(1, (await first).Sites.Successful);
        Assert.Equal(1, await house.Practice.Site.ScalarAsync<long>(HaloCommand.Text("SELECT COUNT(*) FROM " + table + " WHERE n = 7")));
    }

    static async Task<List<SurveySite>> SitesAsync(HaloSurvey survey, SurveySiteStatus? status = null)
    {
        var sites = new List<SurveySite>();
        await foreach (var site in survey.SitesAsync(status, TestContext.Current.CancellationToken))
            sites.Add(site);
        return sites;
    }
}

public sealed class SqliteSurveyTests(SqliteHouse house) : SurveyTests(house), IClassFixture<SqliteHouse>;

public sealed class PostgresSurveyTests(PostgresHouse house) : SurveyTests(house), IClassFixture<PostgresHouse>;
