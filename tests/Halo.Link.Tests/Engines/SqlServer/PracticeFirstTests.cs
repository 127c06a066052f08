using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>How sessions are set up for the practice's sake.</summary>
public sealed class PracticeFirstTests
{
    [Theory]
    [InlineData(ExecutionMode.Reader, "SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;")]
    [InlineData(ExecutionMode.Scalar, "SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;")]
    [InlineData(ExecutionMode.NonQuery, "SET DEADLOCK_PRIORITY LOW;")]
    public async Task The_Link_gives_way_by_default(ExecutionMode mode, string setUp)
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        await bench.RunAsync(new("SELECT 1 AS v") { ExecutionMode = mode });
        Assert.Equal([setUp, "SELECT 1 AS v"], bench.Server.Requests.Select(r => r.Text));
    }

    [Fact]
    public async Task What_the_practice_configured_is_set_and_taken_back()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, protection: new()
        {
            DeadlockPriority = DeadlockPriority.Normal,
            LockTimeout = TimeSpan.FromMilliseconds(250),
            Isolation = ReaderIsolation.Snapshot,
            ReadIntent = true,
        });
        await bench.RunAsync(new("SELECT 1 AS v"), readOnly: true);
        var asked = bench.Server.Requests.Select(r => r.Text!).ToList();
        Assert.StartsWith("SET DEADLOCK_PRIORITY NORMAL;SET LOCK_TIMEOUT 250;SET TRANSACTION ISOLATION LEVEL SNAPSHOT;", asked[0], StringComparison.Ordinal);
        Assert.StartsWith("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;", asked[2], StringComparison.Ordinal);
        Assert.True(bench.Server.Requests[0].Session.Login.ReadIntent);
    }

    [Fact]
    public async Task A_session_says_whose_query_it_runs()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        var (query, integrator) = (Guid.NewGuid(), Guid.NewGuid());
        await new CommandRunner(bench.Engine.Engine, TimeProvider.System).RunAsync(
            new(new("SELECT 1 AS v"), null, "Recalls", 1, TimeSpan.FromMinutes(1)) { QueryId = query, IntegratorId = integrator }, new CollectingSink(), TestContext.Current.CancellationToken);
        var context = bench.Server.Requests[0].Text!.Split("SET CONTEXT_INFO 0x")[1].TrimEnd(';');
        Assert.Equal($"halo query={query} integrator={integrator}", System.Text.Encoding.ASCII.GetString(Convert.FromHexString(context)));
        Assert.True(context.Length <= 2 * 128);
        Assert.Equal("Recalls", bench.Server.Requests[0].Session.Login.Application);
    }

    [Fact]
    public async Task Under_readOnly_a_login_that_can_write_is_refused_by_the_right_that_stands_in_the_way()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { RightToWrite = "it has EXECUTE on bp_save (granted to public)" });
        var result = await bench.RunAsync(new("SELECT 1 AS v"), readOnly: true);
        Assert.Equal((403, FailureCodes.PolicyRefused, Executed.No), (result.Error!.ErrorCode, result.Error.Code, result.Executed));
        Assert.Contains("it has EXECUTE on bp_save (granted to public)", result.Error.ErrorMessage, StringComparison.Ordinal);
        Assert.Empty(bench.Server.Scripted);
    }

    [Fact]
    public async Task A_reader_that_waits_too_long_for_a_lock_did_nothing()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(1222, "Lock request time out period exceeded.");
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new("SELECT id FROM a"));
        Assert.Equal((Ending.Failed, FailureCodes.LockTimeout, Executed.No), (result.Ending, result.Error!.Code, result.Executed));
    }
}
