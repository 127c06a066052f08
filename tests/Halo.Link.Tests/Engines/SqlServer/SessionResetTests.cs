using Halo.Link.Engines.SqlServer.Connections;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What a query leaves in its session on SQL Server is gone within a second after its answer, whoever comes next or not.</summary>
public sealed class SessionResetTests
{
    static readonly TdsScript Rows = (_, answer) =>
    {
        answer.Columns(TdsColumn.Int("n"));
        answer.Row(1);
        return Task.CompletedTask;
    };

    [Theory]
    [InlineData("SELECT 1 AS n")]
    [InlineData("CREATE TABLE #left (n int); SELECT 1 AS n")]
    [InlineData("EXEC sp_getapplock 'halo', 'Exclusive', 'Session'; SELECT 1 AS n")]
    [InlineData("SET DATEFORMAT dmy; SET LANGUAGE Deutsch; SELECT 1 AS n")]
    [InlineData("DECLARE c CURSOR GLOBAL FOR SELECT 1; OPEN c; SELECT 1 AS n")]
    [InlineData("EXEC('CREATE TABLE #hidden (n int)'); SELECT 1 AS n")]
    public async Task A_session_is_reset_without_another_query(string text)
    {
        await using var bench = new TdsBench(Rows);
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new(text))).Ending);
        var last = await Eventually.BecomesAsync(() => Task.FromResult(bench.Server.Requests[^1]), IsReset);
        Assert.Same(bench.Server.Scripted.Single().Session, last.Session);
        Assert.Equal(1, bench.Server.Logins);
    }

    [Fact]
    public async Task A_session_whose_query_failed_is_reset_too()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(208, "Invalid object name 'nowhere'.");
            return Task.CompletedTask;
        });
        Assert.Equal(208, (await bench.RunAsync(new("CREATE TABLE #left (n int); SELECT * FROM nowhere"))).Error?.ErrorCode);
        await Eventually.BecomesAsync(() => Task.FromResult(bench.Server.Requests[^1]), IsReset);
    }

    [Fact]
    public async Task The_reset_travels_with_a_query_that_comes_soon()
    {
        var time = new ManualTime();
        await using var bench = new TdsBench(Rows, time: time);
        for (var i = 0; i < 5; i++)
            Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS n"))).Ending);
        // The driver asks for it with the first command of each use but the first.
        Assert.Equal((1, 4), (bench.Server.Logins, bench.Server.Requests.Count(r => r.Resets)));
        Assert.DoesNotContain(bench.Server.Requests, IsReset);
        time.Advance(SqlServerResets.After);
        await Eventually.BecomesAsync(() => Task.FromResult(bench.Server.Requests[^1]), IsReset);
        Assert.Equal(5, bench.Server.Requests.Count(r => r.Resets));
        // Once is enough, and the session serves on.
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS n"))).Ending);
        Assert.Equal((1, 6), (bench.Server.Logins, bench.Server.Requests.Count(r => r.Resets)));
    }

    [Fact]
    public async Task Each_of_many_sessions_is_reset()
    {
        const int AtOnce = 6;
        var here = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var time = new ManualTime();
        await using var bench = new TdsBench(async (request, answer) =>
        {
            if (Interlocked.Increment(ref here) == AtOnce)
                all.SetResult();
            await all.Task;
            await Rows(request, answer);
        }, time: time);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(() => bench.RunAsync(new("SELECT 1 AS n"))))), r => Assert.Equal(Ending.Successful, r.Ending));
        time.Advance(SqlServerResets.After);
        await Eventually.BecomesAsync(
            () => Task.FromResult(bench.Server.Requests.GroupBy(r => r.Session).Count(s => s.Any(r => r.Text == "SELECT 1 AS n") && IsReset(s.Last()))),
            reset => reset == AtOnce);
    }

    [Fact]
    public async Task A_connection_that_died_before_its_reset_costs_no_query_anything()
    {
        var time = new ManualTime();
        await using var bench = new TdsBench(Rows, time: time);
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS n"))).Ending);
        bench.Server.DropAll();
        time.Advance(SqlServerResets.After);
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS n"))).Ending);
    }

    static bool IsReset(TdsRequest request) => request is { Text: "SELECT 1", Resets: true };
}
