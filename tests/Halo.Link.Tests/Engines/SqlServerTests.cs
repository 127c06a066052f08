using System.Data;
using System.Data.SqlTypes;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.SqlServer;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.SqlClient;
using CommandType = Halo.Contracts.Queries.CommandType;
using ParameterDirection = Halo.Contracts.Queries.ParameterDirection;

namespace Halo.Link.Tests.Engines;

/// <summary>What needs no server: the driver loads here, and binds as it should.</summary>
public sealed class SqlServerBindingTests
{
    [Fact]
    public void Every_type_makes_a_parameter_of_the_driver()
    {
        foreach (var type in Enum.GetValues<SqlType>().Where(t => t is not SqlType.Structured))
        {
            var faults = new List<FieldError>();
            var bound = SqlServerParameters.Bind(new("p") { Type = type, TypeName = type == SqlType.Udt ? "geography" : null }, faults);
            Assert.Empty(faults);
            Assert.Equal(("@p", DBNull.Value), (bound!.ParameterName, bound.Value));
        }
    }

    [Fact]
    public void A_decimal_keeps_all_38_digits()
    {
        var bound = SqlServerParameters.Bind(EngineBench.Parameter("@p", "12345678901234567890123456.789012345678", SqlType.Decimal), []);
        Assert.Equal(SqlDecimal.Parse("12345678901234567890123456.789012345678"), bound!.Value);
        var faults = new List<FieldError>();
        Assert.Null(SqlServerParameters.Bind(EngineBench.Parameter("@p", new string('9', 39), SqlType.Decimal), faults));
        Assert.Equal("parameters.@p", Assert.Single(faults).Field);
    }

    [Theory]
    [InlineData(3, 4000)]
    [InlineData(4000, 4000)]
    [InlineData(4001, -1)]
    public void A_size_never_shortens_an_input(int length, int size)
    {
        var bound = SqlServerParameters.Bind(EngineBench.Parameter("p", new string('x', length), SqlType.NVarChar) with { Size = 2 }, []);
        Assert.Equal((SqlDbType.NVarChar, size), (bound!.SqlDbType, bound.Size));
    }

    [Fact]
    public void An_output_has_room_by_its_size_in_bytes()
    {
        CommandParameter output = new("p") { Direction = ParameterDirection.Output, Type = SqlType.NVarChar, Size = 40 };
        Assert.Equal(20, SqlServerParameters.Bind(output, [])!.Size);
        Assert.Equal(-1, SqlServerParameters.Bind(output with { Size = null }, [])!.Size);
        Assert.Equal((38, 10), SqlServerParameters.Bind(output with { Type = SqlType.Decimal }, []) is { } d ? (d.Precision, d.Scale) : default);
    }

    [Theory]
    [InlineData("SELECT * FROM a; SELECT 2", true, false)]
    [InlineData("UPDATE a SET b = 1", true, false)]
    [InlineData("INSERT INTO a SELECT 1 UPDATE b SET c = 2", false, false)]
    [InlineData("BEGIN TRAN INSERT INTO a VALUES (1)", false, true)]
    [InlineData("EXEC p", false, true)]
    [InlineData("p 1", false, true)]
    public void What_a_text_can_do_is_told_by_its_words(string sql, bool atomic, bool mayOpen)
    {
        Assert.Equal(atomic, TransactSql.IsAtomic(new(sql)));
        Assert.Equal(mayOpen, TransactSql.MayOpenTransaction(new(sql)));
    }
}

/// <summary>What needs no server either: there is none.</summary>
public sealed class SqlServerAwayTests
{
    [Fact]
    public async Task A_server_that_is_away_is_unavailable_in_the_drivers_own_words()
    {
        await using var bench = new EngineBench(DatabaseEngines.Create(DatabaseEngines.SqlServer,
            "Server=127.0.0.1,9;User ID=halo;Password=hidden-word;Encrypt=False;Connect Timeout=5;ConnectRetryCount=0", TimeProvider.System));
        await Assert.ThrowsAsync<SqlException>(() => bench.Engine.OpenAsync(null, null, TestContext.Current.CancellationToken));
        var result = await bench.RunAsync("SELECT 1");
        Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.SqlServer, FailureCodes.DatabaseUnavailable),
            (result.Ending, result.Executed, result.Error!.ErrorType, result.Error.Code));
        Assert.DoesNotContain("hidden-word", result.Error.ErrorMessage, StringComparison.Ordinal);
    }
}

/// <summary>On a server, where there is one.</summary>
public sealed class SqlServerTests
{
    const string Skipped = "HALO_TEST_SQLSERVER is not set: give it the connection string of a SQL Server database that the tests may write to.";

    static string? Server => Environment.GetEnvironmentVariable("HALO_TEST_SQLSERVER");

    static EngineBench New()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(Server), Skipped);
        return new(DatabaseEngines.Create(DatabaseEngines.SqlServer, Server!, TimeProvider.System));
    }

    static (string Expression, string Expected)[] Values =>
    [
        ("CAST(NULL AS int)", "null"),
        ("CAST(-9223372036854775808 AS bigint)", "-9223372036854775808"),
        ("CAST(255 AS tinyint)", "255"),
        ("CAST(1 AS bit)", "true"),
        ("CAST(1.10 AS decimal(10,2))", "1.10"),
        ("CAST('99999999999999999999999999999999999.999' AS decimal(38,3))", "99999999999999999999999999999999999.999"),
        ("CAST(922337203685477.5807 AS money)", "922337203685477.5807"),
        ("CAST(0.1 AS float)", "0.1"),
        ("CAST(0.1 AS real)", "0.1"),
        ("CAST('2026-03-05' AS date)", "\"2026-03-05\""),
        ("CAST('2026-03-05T14:30:00.123' AS datetime)", "\"2026-03-05T14:30:00.123\""),
        ("CAST('2026-03-05T14:30:00' AS datetime2(7))", "\"2026-03-05T14:30:00\""),
        ("CAST('9999-12-31T23:59:59.9999999' AS datetime2(7))", "\"9999-12-31T23:59:59.9999999\""),
        ("CAST('2026-03-05T14:30:00.5+11:00' AS datetimeoffset)", "\"2026-03-05T14:30:00.5+11:00\""),
        ("CAST('14:30:00.123' AS time)", "\"14:30:00.1230000\""),
        ("CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\""),
        ("CAST(0xDEADBEEF00 AS varbinary(10))", "\"3q2+7wA=\""),
        ("CAST(N'é漢' AS nvarchar(10))", "\"é漢\""),
        ("CAST(REPLICATE(CAST('x' AS varchar(max)), 3) AS varchar(max))", "\"xxx\""),
        ("CAST('<a>1</a>' AS xml)", "\"<a>1</a>\""),
        ("CAST(CAST(1.50 AS decimal(5,2)) AS sql_variant)", "1.50"),
    ];

    [Fact]
    public async Task Every_type_has_its_form()
    {
        await using var bench = New();
        foreach (var (expression, expected) in Values)
            Assert.Equal((expression, expected), (expression, await bench.ValueAsync($"SELECT {expression} AS v")));
    }

    [Fact]
    public async Task An_error_keeps_the_databases_own_number_and_words()
    {
        await using var bench = New();
        var result = await bench.RunAsync("SELECT 1 AS a\nSELECT * FROM nowhere");
        Assert.Equal((Ending.Failed, "mssql", 208, "Invalid object name 'nowhere'."),
            (result.Ending, result.Error!.ErrorType, result.Error.ErrorCode, result.Error.ErrorMessage));
        Assert.Equal(2, result.Error.Line);
    }

    [Fact]
    public async Task Unnamed_and_repeated_columns_keep_their_values()
    {
        await using var bench = New();
        Assert.Equal("""[{"a":1,"Column2":2,"a1":3}]""", await bench.RowsAsync("SELECT 1 AS a, 2, 3 AS a"));
    }

    [Fact]
    public async Task A_transaction_left_open_is_rolled_back_and_told()
    {
        await using var bench = New();
        await bench.DoAsync("IF OBJECT_ID('halo_open') IS NULL CREATE TABLE halo_open (id int)");
        var result = await bench.RunAsync("BEGIN TRAN; INSERT INTO halo_open VALUES (1)");
        Assert.Equal((Ending.Failed, FailureCodes.OpenTransaction), (result.Ending, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("SELECT COUNT(*) AS n FROM halo_open"));
    }

    [Fact]
    public async Task A_procedure_gives_its_outputs_and_its_return_value()
    {
        await using var bench = New();
        await bench.DoAsync("CREATE OR ALTER PROCEDURE halo_p @id int, @fee decimal(10,2) OUTPUT, @note nvarchar(20) OUTPUT AS SET @fee = @fee * @id; SET @note = N'done'; RETURN 7");
        var result = await bench.RunAsync(new QueryCommand("halo_p")
        {
            Type = CommandType.StoredProcedure,
            ExecutionMode = ExecutionMode.NonQuery,
            Parameters =
            [
                EngineBench.Parameter("@id", "3", SqlType.Int),
                EngineBench.Parameter("@fee", "1.10", SqlType.Decimal) with { Direction = ParameterDirection.InputOutput, Precision = 10, Scale = 2 },
                new("@note") { Direction = ParameterDirection.Output, Type = SqlType.NVarChar, Size = 40 },
                new("@result") { Direction = ParameterDirection.ReturnValue, Type = SqlType.Int },
            ],
        });
        Assert.Equal(["3.30", "done", "7"], result.Parameters!.Select(p => p.Value));
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_table_goes_in_as_rows()
    {
        await using var bench = New();
        await bench.DoAsync("IF TYPE_ID('halo_rows') IS NULL CREATE TYPE halo_rows AS TABLE (id int, name nvarchar(50), price decimal(30,10))");
        CommandParameter rows = new("@rows")
        {
            Type = SqlType.Structured,
            TypeName = "halo_rows",
            Value = JsonDocument.Parse("""[{"id":1,"name":"é漢","price":"12345678901234567890.0123456789"},{"id":2,"name":null}]""").RootElement,
        };
        Assert.Equal("""[{"id":1,"name":"é漢","price":12345678901234567890.0123456789},{"id":2,"name":null,"price":null}]""",
            await bench.RowsAsync("SELECT * FROM @rows ORDER BY id", rows));
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task The_limit_really_cancels_the_statement()
    {
        await using var bench = New();
        var result = await bench.RunAsync(new QueryCommand("WAITFOR DELAY '00:10:00' /* limited */"), limit: TimeSpan.FromMilliseconds(200));
        Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout), (result.Ending, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("""
            SELECT COUNT(*) AS n FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t
            WHERE t.text LIKE 'WAITFOR%limited%'
            """));
    }
}
