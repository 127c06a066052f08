using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Export;

/// <summary>Memory is bounded by settings, not by results.</summary>
public sealed class ExportTests(SharedPostgres postgres)
{
    const int Rows = 1_000_000;
    const long LinkLimit = 150_000_000;

    [Fact]
    public Task A_million_rows_of_SQLite_leave_the_Link_under_150_MB() => ExportAsync("sqlite", fixture => Task.FromResult(fixture.SqliteFile()));

    [Fact]
    public Task A_million_rows_of_PostgreSQL_leave_the_Link_under_150_MB() => ExportAsync("postgres", _ => postgres.Server.CreateDatabaseAsync());

    static async Task ExportAsync(string engine, Func<HaloFixture, Task<string>> database)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite(engine, await database(fixture)));

        var queued = await integrator.QueueAsync(site.Id, Sql.Generated(engine, Rows));
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        var query = await integrator.WhenFinalAsync(site.Id, queued.Query.Id, TimeSpan.FromMinutes(5));
        Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");
        Assert.Equal(Rows, query.Result!.Rows);

        long expected = 0, bytes = 0;
        foreach (var page in query.Result.Pages!)
        {
            Assert.Equal(PageStatus.Cached, page.Status);
            Assert.Equal(expected, page.Rows.RangeStart);
            using var content = await integrator.PageAsync(site.Id, query.Id, page.PageNumber);
            foreach (var row in content.RootElement.EnumerateArray())
                Assert.Equal(++expected, row.GetProperty("id").GetInt64());
            Assert.Equal(expected - 1, page.Rows.RangeEnd);
            bytes += page.Size;
        }
        Assert.Equal(Rows, expected);
        Assert.Equal(bytes, query.ResultSize);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The rows are right; memory is read from /proc, on Linux alone.");
        var peak = link.Process.PeakResidentBytes;
        TestContext.Current.TestOutputHelper?.WriteLine($"Peak of the Link: {peak / 1e6:0} MB; of the API: {fixture.Api.Process.PeakResidentBytes / 1e6:0} MB");
        Assert.InRange(peak, 1, LinkLimit);
    }
}
