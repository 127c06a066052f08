using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>SQLite blocks its thread. While a sink makes it wait it has none, and it must never take that of whoever ends the waiting.</summary>
public sealed class SqliteWaitingSinkTests
{
    static readonly QueryCommand Endless = new("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n");

    readonly TaskCompletionSource _waits = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_cancel_while_the_sink_waits_stops_the_statement_and_keeps_no_thread()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        using var cancel = new CancellationTokenSource();
        var running = bench.RunAsync(Endless, Waiting(), cancel: cancel);
        await _waits.Task;
        // As the line does it: on its own thread.
        var asked = Task.Run(cancel.Cancel);
        await asked.WaitAsync(Eventually.Limit);
        Assert.Equal((Ending.Cancelled, Executed.No), await EndAsync(running));
    }

    [Fact]
    public async Task A_limit_that_is_reached_while_the_sink_waits_stops_the_statement()
    {
        var time = new ManualTime();
        using var file = new SqliteFile();
        await using var bench = file.Open(time);
        var running = bench.RunAsync(Endless, Waiting(), limit: TimeSpan.FromSeconds(5));
        await _waits.Task;
        await Task.Run(() => time.Advance(TimeSpan.FromSeconds(5))).WaitAsync(Eventually.Limit);
        Assert.Equal((Ending.Failed, Executed.No), await EndAsync(running));
        Assert.Equal(FailureCodes.ExecutionTimeout, (await running).Error?.Code);
    }

    static async Task<(Ending, Executed)> EndAsync(Task<Link.Engines.ExecutionResult> running)
    {
        var result = await running.WaitAsync(Eventually.Limit);
        return (result.Ending, result.Executed);
    }

    CollectingSink Waiting() => new()
    {
        OnRow = async (row, stop) =>
        {
            if (row < 3)
                return;
            _waits.TrySetResult();
            // As a window without credit: its continuation runs where the token is cancelled.
            await new TaskCompletionSource().Task.WaitAsync(stop);
        },
    };
}
