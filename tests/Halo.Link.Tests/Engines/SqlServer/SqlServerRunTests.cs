using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>Commands and endings on a SQL Server, where there is one.</summary>
public sealed class SqlServerRunTests
{
    [Fact]
    public async Task A_procedure_gives_result_sets_outputs_and_its_return_value()
    {
        await using var bench = SqlServerBench.New();
        await bench.ProcedureAsync("halo_book", "@id int, @fee decimal(10,2) OUTPUT, @note nvarchar(20) OUTPUT AS "
            + "SET @fee = @fee * @id; SET @note = N'done'; SELECT 1 AS a; SELECT 2 AS b UNION ALL SELECT 3; RETURN 7");
        QueryCommand call = new("halo_book")
        {
            Type = CommandType.StoredProcedure,
            Parameters =
            [
                EngineBench.Parameter("@id", "3", SqlType.Int),
                EngineBench.Parameter("@fee", "1.10", SqlType.Decimal) with { Direction = ParameterDirection.InputOutput, Precision = 10, Scale = 2 },
                SqlServerBench.Output("@note", SqlType.NVarChar, 40),
                new("@result") { Direction = ParameterDirection.ReturnValue, Type = SqlType.Int },
            ],
        };
        var sink = new CollectingSink();
        var result = await bench.RunAsync(call, sink, resultSet: 2);
        Assert.Equal(("""[{"b":2},{"b":3}]""", 2), (sink.Json, result.ResultSets));
        Assert.Equal(["3.30", "done", "7"], result.Parameters!.Select(p => p.Value));
        result = await bench.RunAsync(call with { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal(["3.30", "done", "7"], result.Parameters!.Select(p => p.Value));
        result = await bench.RunAsync(call with { ExecutionMode = ExecutionMode.Scalar }, new CollectingSink());
        Assert.Equal((1L, "7"), (result.Rows, result.Parameters![2].Value));
    }

    [Theory]
    [InlineData("BEGIN TRAN; INSERT INTO halo_open VALUES (1)")]
    [InlineData("BEGIN TRANSACTION; BEGIN TRANSACTION; INSERT INTO halo_open VALUES (1); COMMIT")]
    [InlineData("SET IMPLICIT_TRANSACTIONS ON; INSERT INTO halo_open VALUES (1)")]
    public async Task A_transaction_left_open_is_rolled_back_and_told(string sql)
    {
        await using var bench = SqlServerBench.New();
        await bench.TableAsync("halo_open", "id int");
        var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Failed, FailureCodes.OpenTransaction), (result.Ending, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("SELECT COUNT(*) AS n FROM halo_open"));
        Assert.Equal("0", await bench.ValueAsync("SELECT @@TRANCOUNT AS n"));
    }

    [Theory]
    [InlineData("CREATE TABLE #leak (id int)", "SELECT COALESCE(OBJECT_ID('tempdb..#leak'), 0) AS v", "0")]
    [InlineData("SET ROWCOUNT 1", "SELECT COUNT(*) AS v FROM (SELECT 1 AS a UNION ALL SELECT 2) t", "2")]
    [InlineData("SET LANGUAGE German", "SELECT CASE WHEN @@LANGUAGE = 'Deutsch' THEN 1 ELSE 0 END AS v", "0")]
    [InlineData("SET LOCK_TIMEOUT 7", "SELECT @@LOCK_TIMEOUT AS v", "5000")]
    [InlineData("SET DATEFIRST 3", "SELECT CASE WHEN @@DATEFIRST = 3 THEN 1 ELSE 0 END AS v", "0")]
    [InlineData("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; ROLLBACK", "SELECT @@TRANCOUNT AS v", "0")]
    [InlineData("SET IMPLICIT_TRANSACTIONS ON", "SELECT @@OPTIONS & 2 AS v", "0")]
    [InlineData("USE tempdb", "SELECT CASE WHEN DB_NAME() = 'tempdb' THEN 1 ELSE 0 END AS v", "0")]
    public async Task Nothing_of_a_query_is_left_for_the_next(string leave, string look, string expected)
    {
        await using var bench = SqlServerBench.New(";Max Pool Size=1");
        await bench.RunAsync(new QueryCommand(leave) { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal(expected, await bench.ValueAsync(look));
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task What_a_server_resets_with_the_connection_is_reset()
    {
        await using var bench = SqlServerBench.New(";Max Pool Size=1");
        foreach (var (leave, look, expected) in ((string, string, string)[])
        [
            ("SET CONTEXT_INFO 0x01", "SELECT CASE WHEN CONTEXT_INFO() IS NULL THEN 1 ELSE 0 END AS v", "1"),
            ("EXEC sp_set_session_context 'k', 'v'", "SELECT CASE WHEN SESSION_CONTEXT(N'k') IS NULL THEN 1 ELSE 0 END AS v", "1"),
            ("EXEC sp_getapplock @Resource = 'halo', @LockMode = 'Exclusive', @LockOwner = 'Session'", "SELECT APPLOCK_TEST('public', 'halo', 'Exclusive', 'Session') AS v", "1"),
            ("DECLARE leak CURSOR GLOBAL FOR SELECT 1; OPEN leak", "SELECT CURSOR_STATUS('global', 'leak') AS v", "-3"),
        ])
        {
            await bench.RunAsync(new QueryCommand(leave) { ExecutionMode = ExecutionMode.NonQuery });
            Assert.Equal((leave, expected), (leave, await bench.ValueAsync(look)));
        }
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task The_limit_really_cancels_the_statement()
    {
        await using var bench = SqlServerBench.New();
        var result = await bench.RunAsync(new QueryCommand("WAITFOR DELAY '00:10:00' /* limited */"), limit: TimeSpan.FromMilliseconds(200));
        Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout), (result.Ending, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("""
            SELECT COUNT(*) AS n FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t
            WHERE t.text LIKE 'WAITFOR%limited%'
            """));
    }

    [Fact]
    public async Task A_login_that_can_write_is_refused_under_readOnly()
    {
        await using var bench = SqlServerBench.New();
        var result = await bench.RunAsync(new QueryCommand("SELECT 1 AS v"), access: CommandAccess.ReadOnly);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Contains("\"readOnly\"", result.Error!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_login_that_can_only_read_reads_under_readOnly()
    {
        const string password = "Halo-Reads-0nly!";
        await using var owner = SqlServerBench.New();
        await owner.DoAsync($"IF SUSER_ID('halo_reader') IS NULL CREATE LOGIN halo_reader WITH PASSWORD = '{password}'");
        await owner.DoAsync("IF DATABASE_PRINCIPAL_ID('halo_reader') IS NULL CREATE USER halo_reader FOR LOGIN halo_reader; ALTER ROLE db_datareader ADD MEMBER halo_reader");
        await using var bench = SqlServerBench.New($";User Id=halo_reader;Password={password}");
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new QueryCommand("SELECT 1 AS v"), access: CommandAccess.ReadOnly)).Ending);
        await owner.DoAsync("GRANT INSERT ON SCHEMA::dbo TO halo_reader");
        Assert.Equal(FailureCodes.PolicyRefused, (await bench.RunAsync(new QueryCommand("SELECT 1 AS v"), access: CommandAccess.ReadOnly)).Error?.Code);
        await owner.DoAsync("REVOKE INSERT ON SCHEMA::dbo TO halo_reader");
    }
}
