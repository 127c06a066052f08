using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What SQL Server is asked to describe a command, before the tests' own server. That Microsoft's answers so takes a real one.</summary>
public sealed class SqlServerDescriptionTests
{
    [Fact]
    public async Task A_text_is_analysed_and_never_sent_as_one_that_runs()
    {
        var asked = new List<string>();
        await using var bench = new TdsBench((request, answer) =>
        {
            asked.Add(request.Asked + "|" + string.Join('|', request.Parameters.Select(p => $"{p.Name}={p.Value}")));
            if (request.Procedure == "sys.sp_describe_undeclared_parameters")
            {
                answer.Columns(TdsColumn.Int("parameter_ordinal"), TdsColumn.NVarChar("name", 128), TdsColumn.NVarChar("suggested_system_type_name", 128));
                answer.Row(1, "@name", "nvarchar(40)");
                answer.Done(TdsCommand.Select, 1);
            }
            else if (request.Procedure == "sys.sp_describe_first_result_set")
                Columns(answer);
            else
                answer.Error(50000, "Not asked for.");
            return Task.CompletedTask;
        });
        var (result, sink) = await bench.Engine.DescribeAsync(new("DELETE FROM t OUTPUT deleted.* WHERE id = @id AND name = @name") { Parameters = [new("id") { Type = SqlType.Int }, new("name")] });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        const string Text = "@tsql=DELETE FROM t OUTPUT deleted.* WHERE id = @id AND name = @name";
        Assert.Equal([$"sys.sp_describe_undeclared_parameters|{Text}|@params=@id int", $"sys.sp_describe_first_result_set|{Text}|@params=@id int, @name nvarchar(40)"], asked);
        Assert.Equal([("@id", SqlType.Int, "int"), ("@name", SqlType.NVarChar, "nvarchar(40)")], result.Parameters!.Select(p => (p.Name, p.Type!.Value, p.DatabaseType!)));
        Assert.Equal(
            [new("id", SqlType.Int, "int") { Nullable = false }, new("name", SqlType.NVarChar, "nvarchar") { Nullable = true, Size = 40 }, new("fee", SqlType.Decimal, "decimal") { Nullable = true, Precision = 10, Scale = 2 }],
            sink.Columns!);
        Assert.Equal((Executed.No, 0L), (result.Executed, result.Rows));
    }

    [Fact]
    public async Task A_procedure_tells_its_parameters_and_one_that_is_not_there_is_refused()
    {
        await using var bench = new TdsBench((request, answer) =>
        {
            var isThere = (string?)request.Parameters.Single().Value == "dbo.halo_book";
            answer.Columns(TdsColumn.Int(""));
            answer.Row(isThere ? 7 : null);
            answer.Done(TdsCommand.Select, 1);
            answer.Columns(TdsColumn.NVarChar("name", 128), TdsColumn.NVarChar("", 128), new("is_output", new(TdsType.BitN, 1)));
            if (isThere)
            {
                answer.Row("@patient", "int", false);
                answer.Row("@number", "bigint", true);
            }
            answer.Done(TdsCommand.Select, 2);
            Columns(answer);
            return Task.CompletedTask;
        });
        var (result, sink) = await bench.Engine.DescribeAsync(new("dbo.halo_book") { Type = CommandType.StoredProcedure });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal([("@patient", ParameterDirection.Input, SqlType.Int), ("@number", ParameterDirection.InputOutput, SqlType.BigInt)], result.Parameters!.Select(p => (p.Name, p.Direction, p.Type!.Value)));
        Assert.Equal(["id", "name", "fee"], sink.Columns!.Select(c => c.Name));
        var (missing, _) = await bench.Engine.DescribeAsync(new("dbo.no'such") { Type = CommandType.StoredProcedure });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (missing.Ending, missing.Executed, missing.Error?.Code));
    }

    [Theory]
    [InlineData(ExecutionMode.Reader)]
    [InlineData(ExecutionMode.NonQuery)]
    public async Task It_waits_for_locks_as_a_reader_whatever_the_command_is(ExecutionMode mode)
    {
        await using var bench = new TdsBench((request, answer) =>
        {
            if (request.Procedure == "sys.sp_describe_first_result_set")
                Columns(answer);
            else
                answer.Done(TdsCommand.Select, 0);
            return Task.CompletedTask;
        });
        await bench.Engine.DescribeAsync(new("DELETE FROM t") { ExecutionMode = mode });
        Assert.Equal("SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;", bench.Server.Requests[0].Text);
    }

    [Fact]
    public async Task Types_that_are_none_of_the_systems_are_declared_and_told_by_their_names()
    {
        var asked = new List<string>();
        await using var bench = new TdsBench((request, answer) =>
        {
            asked.Add(string.Join('|', request.Parameters.Select(p => p.Value)));
            string[] names = request.Procedure == "sys.sp_describe_undeclared_parameters"
                ? ["name", "suggested_system_type_name", "suggested_user_type_schema", "suggested_user_type_name"]
                : ["name", "system_type_name", "user_type_schema", "user_type_name", "user_type_database"];
            var columns = names.Select(n => TdsColumn.NVarChar(n, 128));
            if (names.Length == 4)
            {
                answer.Columns([.. columns, TdsColumn.Int("suggested_system_type_id")]);
                answer.Row("@list", null, "dbo", "ids", 243);
                answer.Row("@place", null, "sys", "geography", 240);
            }
            else
            {
                answer.Columns([.. columns, new("is_nullable", new(TdsType.BitN, 1)), new("is_hidden", new(TdsType.BitN, 1))]);
                answer.Row("place", null, "sys", "geography", "clinic", true, false);
                answer.Row(null, null, null, null, null, null, null);
            }
            answer.Done(TdsCommand.Select, 2);
            return Task.CompletedTask;
        });
        const string Text = "SELECT place FROM t WHERE id IN (SELECT id FROM @list) AND place = @place";
        var (result, sink) = await bench.Engine.DescribeAsync(new(Text));
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal($"{Text}|@list dbo.ids READONLY, @place sys.geography", asked[^1]);
        Assert.Equal(["dbo.ids READONLY", "sys.geography"], result.Parameters!.Select(p => p.DatabaseType));
        Assert.Equal(new("place", SqlType.Udt, "clinic.sys.geography") { Nullable = true }, Assert.Single(sink.Columns!));
    }

    [Fact]
    public async Task What_the_server_cannot_analyse_it_says_itself()
    {
        await using var bench = new TdsBench((request, answer) =>
        {
            answer.Error(11508, "The undeclared parameter '@a' is used more than once in the batch being analyzed.");
            return Task.CompletedTask;
        });
        var (result, sink) = await bench.Engine.DescribeAsync(new("SELECT @a, @a"));
        Assert.Equal((Ending.Failed, Executed.No, 11508), (result.Ending, result.Executed, result.Error?.ErrorCode));
        Assert.Null(sink.Columns);
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_real_server_describes_and_runs_nothing()
    {
        await using var bench = SqlServerBench.New();
        await bench.TableAsync("halo_described", "id int NOT NULL PRIMARY KEY, name nvarchar(40), fee decimal(10,2)");
        await bench.DoAsync("INSERT INTO halo_described VALUES (1, N'a', 2)");
        var (result, sink) = await bench.DescribeAsync(new("SET FMTONLY OFF; DELETE FROM halo_described OUTPUT deleted.* WHERE id = @id"));
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal(["id", "name", "fee"], sink.Columns!.Select(c => c.Name));
        Assert.Equal(("@id", SqlType.Int), (result.Parameters!.Single().Name, result.Parameters!.Single().Type!.Value));
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) AS n FROM halo_described"));
    }

    [Theory]
    [Trait("Needs", "RealSqlServer")]
    [InlineData("master.dbo.sp_who")]
    [InlineData("sys.objects")]
    [InlineData("halo_viewed")]
    public async Task A_real_server_describes_no_other_databases_procedure_and_nothing_that_is_none(string name)
    {
        await using var bench = SqlServerBench.New();
        await bench.TableAsync("halo_viewed", "id int NOT NULL PRIMARY KEY");
        var (result, _) = await bench.DescribeAsync(new(name) { Type = CommandType.StoredProcedure });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (result.Ending, result.Executed, result.Error?.Code));
    }

    static void Columns(TdsAnswer answer)
    {
        answer.Columns(TdsColumn.NVarChar("name", 128), TdsColumn.NVarChar("system_type_name", 256), new("is_nullable", new(TdsType.BitN, 1)),
            new("precision", new(TdsType.IntN, 1)), new("scale", new(TdsType.IntN, 1)), new("is_hidden", new(TdsType.BitN, 1)));
        answer.Row("id", "int", false, (byte)10, (byte)0, false);
        answer.Row("name", "nvarchar(40)", true, (byte)0, (byte)0, false);
        answer.Row("fee", "decimal(10,2)", true, (byte)10, (byte)2, false);
        answer.Row("hidden", "int", true, (byte)10, (byte)0, true);
        answer.Done(TdsCommand.Select, 4);
    }
}
