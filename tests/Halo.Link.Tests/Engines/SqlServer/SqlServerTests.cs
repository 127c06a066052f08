using System.Data;
using System.Data.SqlTypes;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.SqlServer;
using Halo.Link.Engines.SqlServer.Values;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.SqlClient;
using CommandType = Halo.Contracts.Queries.CommandType;
using ParameterDirection = Halo.Contracts.Queries.ParameterDirection;

namespace Halo.Link.Tests.Engines.SqlServer;

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
    // One statement.
    [InlineData("INSERT INTO a (id) SELECT id FROM b WHERE id IN (SELECT id FROM c) UNION ALL SELECT 2;", true, false)]
    [InlineData("INSERT INTO a (SELECT id FROM b) ;; -- the end", true, false)]
    [InlineData("INSERT a VALUES ((SELECT MAX(id) FROM b), '; SELECT (', [select])", true, false)]
    [InlineData("WITH x AS (SELECT 1 AS n) UPDATE a SET n = CASE WHEN n = 1 THEN 2 ELSE 3 END OUTPUT inserted.n FROM a JOIN x ON a.n = x.n", true, false)]
    [InlineData("DELETE TOP (1) FROM a WITH (ROWLOCK) WHERE id = (SELECT 1) /* SELECT 2 */", true, false)]
    // More, with and without a semicolon.
    [InlineData("INSERT INTO a VALUES (1); SELECT SCOPE_IDENTITY()", false, false)]
    [InlineData("INSERT INTO a DEFAULT VALUES SELECT SCOPE_IDENTITY()", false, false)]
    [InlineData("INSERT INTO a SELECT 1 SELECT 2", false, false)]
    [InlineData("INSERT INTO a (SELECT 1) SELECT 2", false, false)]
    [InlineData("UPDATE a SET n = 1 SET @x = 1 / 0", false, false)]
    [InlineData("UPDATE a SET n = '(' SELECT ')'", false, false)]
    [InlineData("UPDATE a SET n = 1 /* /* */ */ DECLARE @x int = 1 / 0", false, false)]
    [InlineData("DELETE FROM a SELECT 1 / 0", false, false)]
    [InlineData("DELETE FROM a WAITFOR DELAY '0:1'", false, false)]
    [InlineData("WITH x AS (SELECT 1 AS n) SELECT 1 / 0 UPDATE a SET n = 1", false, false)]
    [InlineData("UPDATE a SET n = 'no end", false, false)]
    // What a bracket opens behind a finished expression, and words right behind a number.
    [InlineData("UPDATE a SET n = COALESCE((SELECT MAX(n) FROM b), 0) + (SELECT 1) WHERE n IN (SELECT n FROM c) AND (SELECT 1) = 1", true, false)]
    [InlineData("INSERT INTO a ((SELECT id FROM b))", true, false)]
    [InlineData("UPDATE a SET n = 0x1F, m = 1e5, k = 1.5E3 WHERE t = '12ab'", true, false)]
    [InlineData("INSERT INTO a ((SELECT 1)) SELECT 1 / 0", false, false)]
    [InlineData("UPDATE a SET n = 1 (SELECT 1 / 0)", false, false)]
    [InlineData("UPDATE a SET n = NULL (SELECT 1 / 0)", false, false)]
    [InlineData("DELETE FROM a WHERE n = @n (SELECT 1 / 0)", false, false)]
    [InlineData("INSERT INTO a VALUES (1) (SELECT 1 / 0)", false, false)]
    [InlineData("INSERT INTO a DEFAULT VALUES (SELECT 1 / 0)", false, false)]
    [InlineData("DELETE FROM a WHERE n = 1DELETE FROM b WHERE 1 / 0 = 1", false, false)]
    [InlineData("UPDATE a SET n = 1SELECT 1 / 0", false, false)]
    [InlineData("UPDATE a SET n = 0x1FINSERT INTO b VALUES (1)", false, false)]
    [InlineData("SELECT 1DELETE FROM a SELECT 1 / 0", false, false)]
    [InlineData("SELECT id FROM a WHERE t = '2024-01-01T10:00' AND [1a] = \"2b\"", true, false)]
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
    public async Task A_server_that_is_away_is_unavailable()
    {
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer,
            "Server=127.0.0.1,9;User ID=halo;Password=hidden-word;Encrypt=False", TimeProvider.System));
        var result = await bench.RunAsync("SELECT 1");
        Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.HaloLink, FailureCodes.DatabaseUnavailable),
            (result.Ending, result.Executed, result.Error!.ErrorType, result.Error.Code));
        Assert.DoesNotContain("hidden-word", result.Error.ErrorMessage, StringComparison.Ordinal);
    }
}
