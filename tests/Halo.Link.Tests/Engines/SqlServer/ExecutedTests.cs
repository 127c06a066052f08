using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What is told of <c>executed</c>, beside what the server really did.</summary>
public sealed class ExecutedTests
{
    const string Update = "UPDATE o1 SET n = n + 1 OUTPUT inserted.id";
    const string Batch = "UPDATE a SET n = 1; UPDATE b SET n = 2";
    const string Transaction = "SET XACT_ABORT ON; BEGIN TRANSACTION; UPDATE a SET n = 1; COMMIT";

    static readonly QueryCommand Procedure = new("halo_book") { Type = CommandType.StoredProcedure, ExecutionMode = ExecutionMode.NonQuery };

    [Theory]
    [InlineData(1, null)]
    [InlineData(null, 20)]
    public async Task A_write_whose_result_is_too_large_has_been_done(int? maxRows, int? maxBytes)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Effect("write");
            answer.Columns(TdsColumn.Int("id"));
            for (var i = 0; i < 3; i++)
                answer.Row(i);
            answer.Done(TdsCommand.Update, 3);
            return Task.CompletedTask;
        });
        for (var round = 1; round <= 7; round++)
        {
            var result = await bench.RunAsync(new(Update), maxRows: maxRows, maxBytes: maxBytes);
            Assert.Equal((Ending.Failed, Executed.Yes, FailureCodes.PolicyRefused), (result.Ending, result.Executed, result.Error!.Code));
            Assert.Equal(round, bench.Server.Effects("write"));
        }
    }

    /// <summary>A policy that names reader alone holds PostgreSQL's session to reading. SQL Server has no such session.</summary>
    [Fact]
    public async Task A_write_by_a_reader_has_been_done_whatever_modes_the_policy_names()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Effect("write");
            answer.Columns(TdsColumn.Int("id"));
            answer.Row(1);
            answer.Row(2);
            answer.Done(TdsCommand.Update, 2);
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new(Update), maxRows: 1, access: CommandAccess.Read);
        Assert.Equal((Executed.Yes, 1), (result.Executed, bench.Server.Effects("write")));
    }

    [Theory]
    [InlineData(true, 1, null, Executed.Yes)]
    [InlineData(false, 1, null, Executed.Unknown)]
    [InlineData(true, null, 20, Executed.Yes)]
    [InlineData(false, null, 20, Executed.Unknown)]
    public async Task A_write_that_is_stopped_amid_its_rows_has_been_done_where_its_end_was_seen(bool late, int? maxRows, int? maxBytes, Executed executed)
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Columns(TdsColumn.Int("id"));
            for (var i = 0; i < 3; i++)
                answer.Row(i);
            await answer.FlushAsync();
            await answer.Attention;
            await FinishAsync(answer, late);
        });
        var result = await bench.RunAsync(new(Update), maxRows: maxRows, maxBytes: maxBytes);
        Assert.Equal((executed, late ? 1 : 0), (result.Executed, bench.Server.Effects("write")));
    }

    [Theory]
    [InlineData("UPDATE a SET n = 1", true, Executed.Yes)]
    [InlineData("UPDATE a SET n = 1", false, Executed.Unknown)]
    [InlineData("WITH x AS (SELECT 1 AS n) INSERT INTO a SELECT n FROM x", true, Executed.Yes)]
    [InlineData("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE;", false, Executed.Unknown)]
    [InlineData(Batch, true, Executed.Unknown)]
    [InlineData(Batch, false, Executed.Unknown)]
    [InlineData(Transaction, false, Executed.Unknown)]
    [InlineData("BEGIN TRAN; UPDATE a SET n = 1", false, Executed.No)]
    [InlineData("BEGIN TRAN; ROLLBACK; UPDATE a SET n = 1", true, Executed.Unknown)]
    [InlineData("SET IMPLICIT_TRANSACTIONS ON; UPDATE a SET n = 1", false, Executed.No)]
    [InlineData("SET IMPLICIT_TRANSACTIONS ON; SET XACT_ABORT, IMPLICIT_TRANSACTIONS OFF; UPDATE a SET n = 1", false, Executed.Unknown)]
    [InlineData("SET IMPLICIT_TRANSACTIONS ON; SET ANSI_DEFAULTS OFF; UPDATE a SET n = 1", false, Executed.Unknown)]
    [InlineData("BEGIN TRAN; UPDATE a SET n = 1; SELECT 1COMMIT", false, Executed.Unknown)]
    [InlineData("SELECT 1DELETE FROM a", true, Executed.Unknown)]
    [InlineData("SELECT id FROM a", false, Executed.No)]
    [InlineData("SELECT id INTO b FROM a", true, Executed.Unknown)]
    [InlineData("[halo_book]; SELECT 1", true, Executed.Unknown)]
    [InlineData("/* /* */ SELECT */ [halo_book]", true, Executed.Unknown)]
    public async Task At_the_limit_a_command_is_done_where_its_end_was_seen_and_never_guessed(string sql, bool late, Executed executed)
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            await answer.Attention;
            await FinishAsync(answer, late);
        });
        var result = await bench.RunAsync(new(sql) { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromMilliseconds(100));
        Assert.Equal(late ? 1 : 0, bench.Server.Effects("write"));
        // The whole answer can be there before the driver knows that its own cancel has left: then nothing failed.
        if (late && result.Ending == Ending.Successful)
            Assert.Equal(Executed.Yes, result.Executed);
        else
            Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout, executed), (result.Ending, result.Error!.Code, result.Executed));
        Assert.Equal((1, 1), (bench.Server.Attentions, bench.Server.Logins));
    }

    [Theory]
    [InlineData(true, Executed.Yes)]
    [InlineData(false, Executed.Unknown)]
    public async Task A_procedure_that_is_cancelled_has_been_done_where_it_returned(bool late, Executed executed)
    {
        using var cancel = new CancellationTokenSource();
        await using var bench = new TdsBench(async (_, answer) =>
        {
            // What its first statement did counts, and is no proof of the rest.
            answer.Done(TdsCommand.Update, 1);
            await answer.FlushAsync();
            await cancel.CancelAsync();
            await answer.Attention;
            answer.Status = 4;
            await FinishAsync(answer, late);
        });
        var result = await bench.RunAsync(Procedure, cancel: cancel);
        Assert.Contains(result.Ending, late ? [Ending.Cancelled, Ending.Successful] : new[] { Ending.Cancelled });
        Assert.Equal(executed, result.Executed);
    }

    [Theory]
    [InlineData("a trigger's count is not the statement's")]
    [InlineData("a server that never acknowledges")]
    public async Task What_is_not_proved_is_unknown(string what)
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.DoneInTrigger(TdsCommand.Insert, 1);
            await answer.FlushAsync();
            await answer.Attention;
            answer.IsCutOff = true;
            answer.AcknowledgesAttention = what.StartsWith("a trigger", StringComparison.Ordinal);
        });
        var result = await bench.RunAsync(new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromMilliseconds(100));
        Assert.Equal((FailureCodes.ExecutionTimeout, Executed.Unknown), (result.Error!.Code, result.Executed));
    }

    [Theory]
    [InlineData(2627, "", "INSERT INTO a VALUES (1)", Executed.No)]
    [InlineData(547, "", "DELETE FROM a WHERE id = 1", Executed.No)]
    [InlineData(1205, "", "UPDATE a SET n = 1", Executed.No)]
    [InlineData(1205, "", Transaction, Executed.No)]
    [InlineData(1205, "halo_book", "EXEC halo_book", Executed.Unknown)]
    [InlineData(1205, "", Batch, Executed.Unknown)]
    [InlineData(1222, "", "SELECT id FROM a", Executed.No)]
    [InlineData(102, "", "UPDATE a SET n = 1; UPDAT b", Executed.No)]
    [InlineData(102, "", "UPDATE a SET n = 1; EXEC('UPDAT b')", Executed.Unknown)]
    [InlineData(8134, "", Batch, Executed.Unknown)]
    // The first statement is done, and the one behind it fails.
    [InlineData(8134, "", "INSERT INTO a VALUES (1); SELECT 1 / 0", Executed.Unknown)]
    [InlineData(8134, "", "INSERT INTO a VALUES (1) SELECT 1 / 0", Executed.Unknown)]
    [InlineData(1222, "", "UPDATE a SET n = 1 SELECT n FROM a", Executed.Unknown)]
    [InlineData(1205, "", "DELETE FROM a WHERE id = 1; SELECT n FROM b", Executed.Unknown)]
    [InlineData(3903, "", "UPDATE a SET n = 1 ROLLBACK", Executed.Unknown)]
    [InlineData(8134, "", "WITH x AS (SELECT 1 AS n) SELECT 1 / 0 FROM x UPDATE a SET n = 1", Executed.Unknown)]
    [InlineData(3609, "a_changed", "UPDATE a SET n = 1", Executed.No)]
    // A trigger's RAISERROR stops nothing: the write is done, and this is all that is told.
    [InlineData(50000, "a_changed", "UPDATE a SET n = 1", Executed.Unknown)]
    [InlineData(50000, "", "UPDATE a SET n = 1", Executed.Unknown)]
    [InlineData(2627, "a_changed", "UPDATE a SET n = 1", Executed.Unknown)]
    public async Task An_error_proves_what_its_number_and_its_place_prove(int number, string procedure, string sql, Executed executed)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(number, "Words of the server.", procedure: procedure);
            answer.Info(3621, "The statement has been terminated.");
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new(sql) { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Failed, executed, number, "Words of the server."), (result.Ending, result.Executed, result.Error!.ErrorCode, result.Error.ErrorMessage));
        Assert.Equal(number == 1222 ? FailureCodes.LockTimeout : null, result.Error.Code);
    }

    [Theory]
    [InlineData(2812, "", 1, "Could not find stored procedure 'dbo.halo_book'.", Executed.No)]
    [InlineData(201, "halo_book", 0, "Procedure or function 'halo_book' expects parameter '@id', which was not supplied.", Executed.No)]
    [InlineData(229, "halo_book", 1, "The EXECUTE permission was denied on the object 'halo_book', database 'clinic', schema 'dbo'.", Executed.No)]
    [InlineData(201, "another", 0, "Procedure or function 'another' expects parameter '@id', which was not supplied.", Executed.Unknown)]
    [InlineData(2812, "halo_book", 7, "Could not find stored procedure 'dbo.another'.", Executed.Unknown)]
    [InlineData(547, "halo_book", 1, "The INSERT statement conflicted with the CHECK constraint of halo_book.", Executed.Unknown)]
    // A text that the procedure itself ran: what stands before it in the procedure is done.
    [InlineData(2812, "", 1, "Could not find stored procedure 'another'.", Executed.Unknown)]
    [InlineData(229, "", 1, "The SELECT permission was denied on the object 'halo_book_log', database 'clinic', schema 'dbo'.", Executed.Unknown)]
    public async Task A_call_that_did_not_come_about_did_nothing(int number, string procedure, int line, string words, Executed executed)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(number, words, procedure: procedure, line: line);
            return Task.CompletedTask;
        });
        Assert.Equal(executed, (await bench.RunAsync(Procedure with { Text = "dbo.[halo_book]" })).Executed);
    }

    [Fact]
    public async Task A_connection_lost_amid_a_write_is_told_as_that()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Effect("write");
            answer.Drop();
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new("UPDATE a SET n = 1"));
        Assert.Equal((504, FailureCodes.DatabaseConnectionLost, Executed.Unknown), (result.Error!.ErrorCode, result.Error.Code, result.Executed));
    }

    /// <summary>From 20 on the server ends the session with its error, and what it had done of the command nobody says.</summary>
    [Theory]
    [InlineData(17, "UPDATE a SET n = 1", Executed.No, null)]
    [InlineData(19, "UPDATE a SET n = 1", Executed.No, null)]
    [InlineData(19, Batch, Executed.Unknown, null)]
    [InlineData(20, "UPDATE a SET n = 1", Executed.Unknown, FailureCodes.DatabaseConnectionLost)]
    [InlineData(21, "SELECT id FROM a", Executed.Unknown, FailureCodes.DatabaseConnectionLost)]
    [InlineData(24, Batch, Executed.Unknown, FailureCodes.DatabaseConnectionLost)]
    public async Task An_error_that_ends_the_session_is_told_as_that_and_the_next_query_has_another(byte severity, string sql, Executed executed, string? code)
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Error(823, "The operating system returned error 21.", severity);
            await answer.FlushAsync();
            if (severity >= 20)
                answer.Drop();
        });
        var result = await bench.RunAsync(new(sql) { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Failed, executed, code, code is null ? 823 : 504), (result.Ending, result.Executed, result.Error!.Code, result.Error.ErrorCode));
        bench.Server.Script = (_, _) => Task.CompletedTask;
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS v"))).Ending);
        Assert.Equal(severity >= 20 ? 2 : 1, bench.Server.Logins);
    }

    [Theory]
    [InlineData(TdsType.NVarChar, false)]
    [InlineData(TdsType.Xml, false)]
    [InlineData(TdsType.VarBinary, false)]
    [InlineData(TdsType.NVarChar, true)]
    [InlineData(TdsType.Xml, true)]
    [InlineData(TdsType.VarBinary, true)]
    public async Task What_ends_amid_a_long_value_is_told_as_what_ended_it(TdsType type, bool byLimit)
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Columns(new TdsColumn("long", new(type, TdsTypeInfo.Max)));
            answer.Row(type == TdsType.VarBinary ? new byte[300_000] : $"<a>{new string('x', 300_000)}</a>");
            if (!byLimit)
                answer.DropAfter(200_000);
            else
            {
                await answer.FlushPartAsync(200_000);
                await answer.Attention;
            }
            await answer.FlushAsync();
            answer.IsCutOff = byLimit;
        });
        var result = await bench.RunAsync(new("SELECT long FROM a"), limit: byLimit ? TimeSpan.FromMilliseconds(300) : null);
        Assert.Equal(
            byLimit ? (FailureCodes.ExecutionTimeout, Executed.No) : (FailureCodes.DatabaseConnectionLost, Executed.Unknown),
            (result.Error?.Code, result.Executed));
    }

    [Fact]
    public async Task Limits_cancels_and_refused_results_cost_no_new_login()
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Columns(TdsColumn.Int("id"));
            answer.Row(1);
            answer.Row(2);
            await answer.FlushAsync();
            await answer.Attention;
            answer.IsCutOff = true;
        });
        for (var i = 0; i < 5; i++)
        {
            await bench.RunAsync(new("SELECT id FROM a"), limit: TimeSpan.FromMilliseconds(50));
            await bench.RunAsync(new("SELECT id FROM a"), maxRows: 1);
        }
        Assert.Equal((1, 10), (bench.Server.Logins, bench.Server.Attentions));
    }

    [Fact]
    public async Task The_next_query_is_in_the_configured_database_whatever_the_last_one_used()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Use("other");
            return Task.CompletedTask;
        });
        await bench.RunAsync(new("USE other"));
        Assert.Equal("clinic", bench.Server.Requests[^1].Session.Database);
    }

    /// <summary>Late: the server had come to the end before it heard of the cancel. Else it stops there and takes it back.</summary>
    static Task FinishAsync(TdsAnswer answer, bool late)
    {
        answer.IsCutOff = !late;
        if (!late && answer.Request.Asked.StartsWith("BEGIN TRAN;", StringComparison.Ordinal))
            answer.Begin();
        if (late)
        {
            answer.Effect("write");
            answer.Done(TdsCommand.Update, null);
        }
        return Task.CompletedTask;
    }
}
