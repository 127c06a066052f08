using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>The practice's own sessions do not wait for locks of the Link's.</summary>
public sealed class BlockingGuardTests
{
    static readonly PracticeProtection Guarded = new() { BlockingGuard = TimeSpan.FromMilliseconds(100) };

    [Fact]
    public async Task A_command_that_blocks_the_practice_is_stopped_and_says_so()
    {
        await using var bench = new TdsBench(WaitForCancel, new() { Blocking = (_, answer) => One(answer, 77) }, Guarded);
        var result = await bench.RunAsync(new("SELECT id FROM a"));
        Assert.Equal((Ending.Failed, FailureCodes.BlockedPractice, Executed.No), (result.Ending, result.Error!.Code, result.Executed));
    }

    [Fact]
    public async Task A_write_that_was_stopped_for_the_practices_sake_is_not_said_to_be_undone()
    {
        await using var bench = new TdsBench(WaitForCancel, new() { Blocking = (_, answer) => One(answer, 77) }, Guarded);
        var result = await bench.RunAsync(new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((FailureCodes.BlockedPractice, Executed.Unknown), (result.Error!.Code, result.Executed));
    }

    [Fact]
    public async Task A_login_that_may_not_see_who_waits_goes_on_without_the_guard_and_says_what_it_lacks()
    {
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var bench = new TdsBench(async (_, answer) =>
        {
            await looked.Task;
            answer.Done(TdsCommand.Update, 1);
        }, new()
        {
            Blocking = (_, answer) =>
            {
                answer.Error(300, "VIEW SERVER STATE permission was denied on object 'server', database 'master'.", 14);
                looked.TrySetResult();
            },
        }, Guarded);
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("UPDATE a SET n = 1"))).Ending);
        await Eventually.BecomesAsync(() => Task.FromResult(bench.Engine.Engine.BlockingGuardFault), f => f?.Contains("VIEW SERVER STATE", StringComparison.Ordinal) == true);
    }

    static async Task WaitForCancel(TdsRequest request, TdsAnswer answer)
    {
        await answer.Attention;
        answer.IsCutOff = true;
    }

    static void One(TdsAnswer answer, int value)
    {
        answer.Columns(TdsColumn.Int(""));
        answer.Row(value);
        answer.Done(TdsCommand.Select, 1);
    }
}
