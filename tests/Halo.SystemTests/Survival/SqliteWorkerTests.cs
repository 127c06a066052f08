using System.Net;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Halo.SystemTests.Survival;

/// <summary>The processes in which a Link queries SQLite belong to it: they never outlive it, and do not end before it.</summary>
public sealed class SqliteWorkerTests
{
    const int Sigterm = 15;
    const int Sigint = 2;
    const string Endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    [Fact]
    public async Task A_Link_that_is_killed_leaves_no_worker_behind_even_in_the_middle_of_a_statement()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the workers in /proc.");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await integrator.QueueAsync(site.Id, Endless);
        await link.WhenAsyncRunAsync(1);
        var workers = Signals.ChildrenOf(link.Process.Id).ToArray();
        Assert.NotEmpty(workers);

        await link.Process.KillAsync();

        await Eventually.BecomesAsync(() => Task.FromResult(workers.Count(Signals.Exists)), left => left == 0);
    }

    [Fact]
    public async Task A_signal_to_the_whole_group_lets_the_Link_end_its_queries_in_order()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends signals.");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var queued = await integrator.QueueAsync(site.Id, Endless);
        await link.WhenAsyncRunAsync(1);
        var workers = Signals.ChildrenOf(link.Process.Id).ToArray();
        Assert.NotEmpty(workers);

        Assert.All(workers, w => Assert.True(Signals.Send(w, Sigint) && Signals.Send(w, Sigterm)));
        link.Process.Terminate();
        Assert.Equal(0, await link.Process.Exited);

        await link.StartAsync();
        Assert.Equal("LinkStopping", (await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).ErrorDetails?.Code);
        await Eventually.BecomesAsync(() => Task.FromResult(workers.Count(Signals.Exists)), left => left == 0);
    }

    [Fact]
    public async Task Steps_that_nothing_interrupts_leave_no_process_no_busy_lane_and_no_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the workers in /proc.");
        const int immediate = 4, queued = 2;
        // So many processes take a busy machine a while to start: the API waits for the Link's own word.
        await using var fixture = await HaloFixture.StartAsync(("Halo__Limits__GraceMs", "300000"));
        var practice = fixture.SqliteFile();
        await ScalarAsync(practice, "CREATE TABLE begun (n INTEGER)");
        var temporary = Directory.CreateDirectory(Path.Combine(fixture.TemporaryDirectory, "tmp")).FullName;
        var link = fixture.AddLink(new LinkSite("sqlite", practice));
        link.Environment["TMPDIR"] = temporary;
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        var files = Directory.GetFileSystemEntries(temporary);

        var path = $"integrator/sites/{site.Id}/queries";
        var asked = Enumerable.Range(0, immediate).Select(_ => integrator.SendAsync(HttpMethod.Post, path + "/immediate", Uninterruptible)).ToArray();
        var waiting = await Task.WhenAll(Enumerable.Range(0, queued).Select(_ => integrator.SendAsync(HttpMethod.Post, path + "/async", Uninterruptible)));
        // Where processes start slowly, the first is gone before the last has begun.
        var workers = new HashSet<int>();
        await Eventually.BecomesAsync(() =>
        {
            workers.UnionWith(Signals.ChildrenOf(link.Process.Id));
            return ScalarAsync(practice, "SELECT COUNT(*) FROM begun");
        }, begun => begun is (long)(immediate + queued));
        var ended = (await Task.WhenAll(asked)).Select(a => a.Query)
            .Concat(await Task.WhenAll(waiting.Select(w => integrator.WhenFinalAsync(site.Id, w.Query.Id))));
        Assert.All(ended, q => Assert.Equal(
            (QueryStatus.ExecutionFailed, FailureCodes.ExecutionTimeout, Executed.Unknown), (q.Status, q.ErrorDetails?.Code, q.Executed)));

        // At once or not at all.
        var next = await Task.WhenAll(Enumerable.Range(0, immediate).Select(_ => integrator.ImmediateAsync(site.Id, "SELECT COUNT(*) AS n FROM begun", maxTimeInQueue: 0)));
        Assert.All(next, a => Assert.True(a.Status == HttpStatusCode.OK, a.ToString()));
        var pages = await Task.WhenAll(Enumerable.Range(0, queued).Select(_ => integrator.QueueAsync(site.Id, "SELECT n FROM begun")));
        foreach (var page in pages)
            Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, page.Query.Id)).Status);
        await Eventually.BecomesAsync(() => Task.FromResult(workers.Count(w => !Signals.Exists(w))), gone => gone >= immediate + queued);
        Assert.Empty(Directory.GetFileSystemEntries(temporary).Except(files));
        Assert.Equal(["practice.db"], Directory.GetFiles(fixture.TemporaryDirectory, "practice.db*").Select(Path.GetFileName));
    }

    /// <summary>Says that it has begun, keeps something, and then is at one step of SQLite's for minutes. Limit: three seconds.</summary>
    static readonly string Uninterruptible = JsonSerializer.Serialize(new
    {
        command = new
        {
            text = "INSERT INTO begun VALUES (1); CREATE TEMP TABLE kept AS SELECT randomblob(1000000) AS r; SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')",
            timeout = 3000,
        },
    });

    static async Task<object?> ScalarAsync(string practice, string sql)
    {
        await using var connection = new SqliteConnection(practice + ";Pooling=False;Default Timeout=60");
        await connection.OpenAsync();
        await using var command = new SqliteCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
