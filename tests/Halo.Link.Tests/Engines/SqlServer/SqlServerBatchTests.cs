using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>A batch before the tests' own server: what is sent in which order, and what is told of it. That SQL Server itself does what is asked here takes a real one.</summary>
public sealed class SqlServerBatchTests
{
    [Fact]
    public async Task It_is_begun_watched_and_committed_by_the_Link()
    {
        var asked = new List<string>();
        await using var bench = NewBench((request, answer) =>
        {
            asked.Add(request.Asked);
            answer.Effect("write");
            answer.Done(TdsCommand.Update, 3);
        }, asked);
        var result = await bench.Engine.RunAsync(new CommandBatch([Write("UPDATE a SET n = 1"), Write("UPDATE b SET n = 2")]) { Isolation = IsolationLevel.Snapshot });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal((Executed.Yes, 2, 1), (result.Executed, bench.Server.Effects("write"), bench.Server.Effects("mark")));
        Assert.Equal([3L, 3L], result.Results!.Select(r => r.RowsAffected));
        Assert.Equal(["begin", "UPDATE a SET n = 1", "look", "UPDATE b SET n = 2", "look", "commit"], asked);
    }

    public static TheoryData<string, string, int, string, bool, Executed> Failing => new()
    {
        // XACT_ABORT has taken it back, and nothing can have come after that.
        { "UPDATE a SET n = 1", "error", 2627, "", true, Executed.No },
        { "SELECT 1/0", "error", 8134, "", true, Executed.No },
        // Its own trigger, or what its text hides, may have done something after a ROLLBACK.
        { "UPDATE a SET n = 1", "error", 50000, "trg_a", true, Executed.Unknown },
        { "UPDATE a SET n = 1", "error", 3609, "", true, Executed.Unknown },
        { "DECLARE @x int; BEGIN TRY UPDATE a SET n = 1 END TRY BEGIN CATCH INSERT log VALUES (1) END CATCH", "error", 2627, "", true, Executed.Unknown },
        { "EXEC halo_book", "error", 2627, "", true, Executed.Unknown },
        { "UPDATE a SET n = 1; ROLLBACK; UPDATE b SET n = 2", "error", 2627, "", true, Executed.Unknown },
        // Committed by the command itself.
        { "UPDATE a SET n = 1", "error", 2627, "", false, Executed.Unknown },
        // It came to its end, and the transaction is gone.
        { "UPDATE a SET n = 1", "ends", 0, "", true, Executed.Unknown },
        { "UPDATE a SET n = 1", "ends", 0, "", false, Executed.Unknown },
    };

    [Theory]
    [MemberData(nameof(Failing))]
    public async Task What_is_told_of_one_that_fails_is_what_was_proved(string sql, string how, int number, string procedure, bool rollsBack, Executed executed)
    {
        await using var bench = NewBench((request, answer) =>
        {
            if (request.Asked != sql)
            {
                answer.Done(TdsCommand.Update, 1);
                return;
            }
            if (rollsBack)
                answer.RollBack();
            else
                answer.Commit();
            if (how == "error")
                answer.Error(number, "It failed.", procedure: procedure);
            else
                answer.Done(TdsCommand.Update, 1);
        });
        var result = await bench.Engine.RunAsync(new CommandBatch([Write("UPDATE first SET n = 1"), Write(sql), Write("UPDATE last SET n = 1")]));
        Assert.Equal((Ending.Failed, executed, 1), (result.Ending, result.Executed, result.Error?.Index));
        Assert.Equal(how == "ends" ? FailureCodes.TransactionEnded : null, result.Error?.Code);
    }

    static QueryCommand Write(string sql) => new(sql) { ExecutionMode = ExecutionMode.NonQuery };

    /// <summary>Keeps the transaction and its mark as SQL Server would.</summary>
    static TdsBench NewBench(Action<TdsRequest, TdsAnswer> script, List<string>? asked = null)
    {
        TdsBench? bench = null;
        return bench = new TdsBench((request, answer) =>
        {
            if (request.Text is not { } text)
                script(request, answer);
            else if (text.Contains("BEGIN TRANSACTION;", StringComparison.Ordinal) && text.Contains("sp_getapplock", StringComparison.Ordinal))
            {
                asked?.Add("begin");
                answer.Begin();
                answer.Effect("mark");
                answer.Done(TdsCommand.Update, 1);
            }
            else if (text.StartsWith("SELECT CASE WHEN @@TRANCOUNT = 1", StringComparison.Ordinal))
            {
                asked?.Add("look");
                One(answer, request.Session.TranCount == 1 ? 1 : 0);
            }
            else if (text.StartsWith("SELECT COUNT(*) FROM #halo_", StringComparison.Ordinal))
                One(answer, bench!.Server.Effects("mark"));
            else if (text == "COMMIT TRANSACTION")
            {
                asked?.Add("commit");
                answer.Commit();
            }
            else
                script(request, answer);
            return Task.CompletedTask;
        });
    }

    static void One(TdsAnswer answer, int value)
    {
        answer.Columns(TdsColumn.Int(""));
        answer.Row(value);
        answer.Done(TdsCommand.Select, 1);
    }
}
