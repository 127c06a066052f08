using System.Globalization;
using Halo.Link.Engines;
using Halo.Link.Engines.Sqlite;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Sites;
using Halo.Link.Work;
using Halo.Link.Work.Immediate;
using Halo.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Work.Immediate;

/// <summary>What the Link does between its start and its first session.</summary>
public sealed class WarmUpTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("halo-warm-up-").FullName;

    [Fact]
    public async Task A_Link_answers_queries_of_its_own_before_it_connects_and_tells_nothing_of_them()
    {
        await using var world = await World.StartAsync(s => s with { WarmUp = TimeSpan.FromMinutes(1) });
        Assert.Contains("Warmed up by ", Assert.Single(world.Link.Log.Of(2047)), StringComparison.Ordinal);
        Assert.Empty(world.Hello.Immediates);
        Assert.Empty(world.Hello.Claims);
        Assert.Equal(2, (await world.AskAsync("SELECT id FROM patient")).Outcome.Rows);
    }

    [Fact]
    public async Task One_database_of_an_engine_is_asked_often_and_every_other_once()
    {
        await using var sites = await SitesAsync(3);
        var asked = await RunAsync(sites, TimeProvider.System, TimeSpan.FromMinutes(1));
        Assert.InRange(asked, 4 * 35 + 3, 12 * 35 + 3);
        Assert.All(sites.All, s => Assert.Null(s.OwnConnector.Outage));
    }

    [Fact]
    public async Task Without_time_or_a_database_nothing_is_asked()
    {
        await using var sites = await SitesAsync(1);
        Assert.Equal(0, await RunAsync(sites, TimeProvider.System, TimeSpan.Zero));
        File.Delete(PathOf(0));
        await using var away = await SitesAsync(1, make: false);
        Assert.Equal(0, await RunAsync(away, TimeProvider.System, TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1500)]
    [InlineData(60_000)]
    public async Task A_start_spends_no_longer_on_it_than_it_may(int warmUpMs)
    {
        await using var sites = await SitesAsync(1);
        var time = new ManualTime();
        // By a clock that stands the compiler never comes to rest.
        var running = RunAsync(sites, time, TimeSpan.FromMilliseconds(warmUpMs));
        await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken));
        Assert.False(running.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(warmUpMs));
        await running.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    async Task<int> RunAsync(LocalSites sites, TimeProvider time, TimeSpan longest)
    {
        using var journal = ClaimJournal.Open(_folder, LocalKey.Open(_folder), TimeProvider.System);
        return await new WarmUp(sites, new(new(), NullLogger<CommandExecutor>.Instance), journal, time).RunAsync(longest, TestContext.Current.CancellationToken);
    }

    /// <summary>Sites of databases that were looked at once, as at a start.</summary>
    async Task<LocalSites> SitesAsync(int count, bool make = true)
    {
        var sites = new LocalSites(Enumerable.Range(0, count).Select(i =>
        {
            if (make)
                File.WriteAllBytes(PathOf(i), []);
            return new LocalSite(Guid.NewGuid(), new()
            {
                Engine = EngineNames.Sqlite,
                ConnectionString = $"Data Source={PathOf(i)}",
                PracticeManagementName = new("Best Practice", null),
                PracticeManagementSiteId = new(i.ToString(CultureInfo.InvariantCulture), null),
                Catalogues = [new("practice", null, true)],
            }, (_, c) => new SqliteEngine(c, TimeProvider.System));
        }).ToList());
        await new DatabaseHealths(sites, TimeProvider.System, NullLogger<DatabaseHealths>.Instance).CheckAsync(TestContext.Current.CancellationToken);
        return sites;
    }

    string PathOf(int site) => Path.Combine(_folder, $"{site}.db");
}
