using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.SystemTests.Promises;

/// <summary>Results arrive whole over any line, or the query says that they did not.</summary>
public sealed class UploadTests
{
    const int Rows = 60_000;

    [Fact]
    public async Task An_upload_that_is_cut_goes_on_page_by_page_and_arrives_whole()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 400_000;
        var query = await BeginAsync(world);
        // The first cuts find pages on their way; what has arrived is not sent again.
        for (var i = 1; i <= 3; i++)
        {
            await PagesAsync(world, query, i * 3);
            world.Line.Cut();
        }
        world.Line.Up.BytesPerSecond = 0;
        await WholeAsync(world, query);
    }

    [Fact]
    public async Task Pages_that_are_damaged_on_the_way_are_found_and_sent_again()
    {
        await using var world = await BrokenLine.StartAsync(api: []);
        // Heads and the session's frames are shorter: bodies alone are touched.
        world.Line.Up.CorruptFrom = 8 * 1024;
        world.Line.Up.Mode = LineMode.Corrupt;
        var query = await BeginAsync(world);
        await world.Link.Process.WaitForLineAsync(l => l.Contains("was damaged on its way", StringComparison.Ordinal));
        world.Line.Up.Mode = LineMode.Pass;
        Assert.True(world.Line.Up.Corrupted > 0);
        await WholeAsync(world, query);
    }

    [Fact]
    public async Task An_upload_that_stalls_is_given_up_and_tried_again()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 400_000;
        var query = await BeginAsync(world);
        await PagesAsync(world, query, 2);
        world.Line.Up.Mode = LineMode.DropLastByte;
        await world.Link.Process.WaitForLineAsync(l => l.Contains("Pages cannot be delivered now", StringComparison.Ordinal));
        world.Line.Up.BytesPerSecond = 0;
        world.Line.Up.Mode = LineMode.Pass;
        await WholeAsync(world, query);
    }

    [Fact]
    public async Task A_Link_that_was_killed_while_uploading_goes_on_where_it_was()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 300_000;
        var query = await BeginAsync(world);
        await Eventually.BecomesAsync(() => world.Integrator.FindAsync(world.Site.Id, query), q => q.Status == QueryStatus.Uploading);
        await world.Link.Process.KillAsync();
        world.Line.Up.BytesPerSecond = 0;
        await world.Link.LaunchAsync();
        await WholeAsync(world, query);
    }

    [Fact]
    public async Task An_API_that_was_killed_while_pages_arrived_gets_the_rest()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 400_000;
        var query = await BeginAsync(world);
        await PagesAsync(world, query, 2);
        await world.Fixture.Api.Process.KillAsync();
        await world.Fixture.Api.StartAsync();
        world.Line.Up.BytesPerSecond = 0;
        await WholeAsync(world, query);
    }

    static async Task<Guid> BeginAsync(BrokenLine world) => (await world.Integrator.QueueAsync(world.Site.Id, Sql.Generated("sqlite", Rows))).Query.Id;

    static Task<Query> PagesAsync(BrokenLine world, Guid query, int least) =>
        Eventually.BecomesAsync(() => world.Integrator.FindAsync(world.Site.Id, query), q => (q.Result?.Pages?.Count ?? 0) >= least || q.CompletedAt is not null);

    static async Task WholeAsync(BrokenLine world, Guid id)
    {
        var query = await world.Integrator.WhenFinalAsync(world.Site.Id, id);
        Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");
        long expected = 0;
        foreach (var page in query.Result!.Pages!)
        {
            using var content = await world.Integrator.PageAsync(world.Site.Id, id, page.PageNumber);
            foreach (var row in content.RootElement.EnumerateArray())
                Assert.Equal(++expected, row.GetProperty("id").GetInt64());
        }
        Assert.Equal(Rows, expected);
    }
}
