using System.Data;
using System.Data.Common;
using Halo.Contracts.Queries;
using Halo.Data.Commands;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data.Tests.Values;

/// <summary>Parameters, their collection, and where they stand in a text.</summary>
public sealed class ParameterTests
{
    [Fact]
    public void A_parameter_has_the_defaults_of_ADO_NET()
    {
        var parameter = new HaloDbParameter();
        Assert.Equal((DbType.String, ParameterDirection.Input, "", "", DataRowVersion.Current, null, 0), (parameter.DbType, parameter.Direction, parameter.ParameterName, parameter.SourceColumn, parameter.SourceVersion, parameter.Value, parameter.Size));
        Assert.False(parameter.IsNullable);
        parameter.ParameterName = null;
        Assert.Equal("", parameter.ParameterName);
        parameter.Value = 4L;
        Assert.Equal(DbType.Int64, parameter.DbType);
        parameter.DbType = DbType.Date;
        parameter.ResetDbType();
        Assert.Equal(DbType.Int64, parameter.DbType);
        parameter.SqlType = SqlType.Money;
        Assert.Equal(DbType.Currency, parameter.DbType);
        Assert.Throws<ArgumentOutOfRangeException>(() => parameter.DbType = (DbType)99);
        Assert.Throws<ArgumentOutOfRangeException>(() => parameter.Direction = (ParameterDirection)99);
        Assert.Throws<ArgumentOutOfRangeException>(() => parameter.Size = -2);
    }

    [Fact]
    public void Each_DbType_is_a_type_of_the_contract_or_left_to_the_database()
    {
        foreach (var type in Enum.GetValues<DbType>())
        {
            var parameter = new HaloDbParameter("x", null) { DbType = type };
            Assert.Equal(type, parameter.DbType);
            Assert.Equal(type == DbType.Object, ParameterTypes.ToContract(parameter, "@x").Type is null);
        }
        Assert.Null(ParameterTypes.ToContract(new("x", DBNull.Value), "@x").Type);
        Assert.Equal("12.5", ParameterTypes.ToContract(new("x", 12.5m, SqlType.Money), "@x").Value!.Value.GetString());
        var rows = ParameterTypes.ToContract(new("x", "[{\"id\":1}]", SqlType.Structured) { TypeName = "ids" }, "@x");
        Assert.Equal((SqlType.Structured, "ids", 1), (rows.Type, rows.TypeName, rows.Value!.Value.GetArrayLength()));
    }

    [Fact]
    public void A_collection_finds_its_parameters_by_name_and_place()
    {
        DbParameterCollection all = new HaloDbCommand().Parameters;
        var first = new HaloDbParameter("@First", 1);
        Assert.Equal(0, all.Add(first));
        all.AddRange(new[] { new HaloDbParameter("second", 2), new HaloDbParameter("third", 3) });
        Assert.Equal((0, 1, -1), (all.IndexOf("first"), all.IndexOf("@SECOND"), all.IndexOf("fourth")));
        Assert.Same(first, all["first"]);
        Assert.True(all.Contains("@third"));
        Assert.True(all.Contains(first));
        all["second"] = new HaloDbParameter("other", 4);
        all.Insert(0, new HaloDbParameter("zeroth", 0));
        all.RemoveAt("third");
        Assert.Equal(["zeroth", "@First", "other"], all.Cast<DbParameter>().Select(p => p.ParameterName));
        all.Remove(first);
        all.RemoveAt(0);
        Assert.Single(all);
        Assert.Throws<IndexOutOfRangeException>(() => all[1]);
        Assert.Throws<IndexOutOfRangeException>(() => all["first"]);
        Assert.Throws<ArgumentException>(() => all.Remove(first));
        Assert.Throws<InvalidCastException>(() => all.Add("x"));
        Assert.Throws<ArgumentNullException>(() => all.Add(null!));
        all.Clear();
        Assert.Empty(all);
    }

    [Theory]
    [InlineData("SELECT ?, ?", "SELECT @p1, @p2")]
    [InlineData("SELECT '?', ?, \"?\", ? -- ?\n, [?]", "SELECT '?', @p1, \"?\", @p2 -- ?\n, [?]")]
    [InlineData("SELECT $2, $1, $2, $$ $1 $$, $a$ ? $a$", "SELECT @p2, @p1, @p2, $$ $1 $$, $a$ ? $a$")]
    [InlineData("SELECT data ? $1, $2", "SELECT data ? @p1, @p2")]
    [InlineData("SELECT ?2, ?1, col$1", "SELECT @p2, @p1, col$1")]
    [InlineData("SELECT '@p', ?, ?", "SELECT '@p', @p_1, @p_2")]
    [InlineData("SELECT ?::int, E'\\'?', ?", "SELECT @p1::int, E'\\'?', @p2")]
    public void Places_become_names(string text, string expected) => Assert.Equal(expected, PositionalText.Named(text, 2).Text);

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("SELECT ?")]
    [InlineData("SELECT ?, ?, ?")]
    [InlineData("SELECT $3, $1")]
    [InlineData("SELECT $0, $2")]
    [InlineData("SELECT $99999999999")]
    public void Other_places_than_parameters_are_an_error(string text) => Assert.Throws<InvalidOperationException>(() => PositionalText.Named(text, 2));

    [Theory]
    [InlineData("SELECT 1", 1)]
    [InlineData(" SELECT 1 ; -- and no more;\n;; ", 1)]
    [InlineData("SELECT ';' ; SELECT $$;$$", 2)]
    [InlineData("SELECT \"a;b\" /* ; /* ; */ */; UPDATE t SET x = E'\\';'", 2)]
    [InlineData(";;", 0)]
    [InlineData("INSERT INTO t VALUES (1); SELECT SCOPE_IDENTITY()", 0)]
    [InlineData("SELECT 1 INTO #kept; SELECT * FROM #kept", 0)]
    [InlineData("UPDATE t SET x = 1; SELECT @@ROWCOUNT", 0)]
    [InlineData("SELECT '#a', a #> b FROM t; SELECT 2", 2)]
    public void Statements_end_at_semicolons_outside_quotes_and_comments(string text, int count) => Assert.Equal(count, Statements.Of(new QueryCommand(text)).Count);

    [Theory]
    [InlineData("SELECT 1", true)]
    [InlineData("/* read */ select 1", true)]
    [InlineData("(SELECT 1)", true)]
    [InlineData("WITH x AS (SELECT 1) SELECT * FROM x", true)]
    [InlineData("WITH x AS (SELECT 1) DELETE FROM t", false)]
    [InlineData("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", true)]
    [InlineData("INSERT INTO t VALUES ('RETURNING')", false)]
    [InlineData("insert into t values (1) returning id", true)]
    [InlineData("UPDATE t SET x = 1 OUTPUT inserted.x", true)]
    [InlineData("CREATE TABLE t (n int)", false)]
    [InlineData("INSERT INTO t VALUES (1); SELECT 1", true)]
    [InlineData("WITH x AS (SELECT 1) SELECT * FROM x FOR UPDATE", true)]
    [InlineData("EXEC dbo.GetPatient @id", true)]
    [InlineData("DECLARE @x int = 1", true)]
    [InlineData("FETCH ALL FROM c", true)]
    [InlineData("INSERT INTO t (n) VALUES (@n) SELECT SCOPE_IDENTITY()", true)]
    [InlineData("UPDATE t SET x = 1 WHERE id IN (SELECT id FROM u)", false)]
    [InlineData("INSERT INTO t SELECT * FROM u", true)]
    [InlineData("WITH p AS (SELECT phone FROM t) SELECT REPLACE(phone, ' ', '') FROM p", true)]
    [InlineData("WITH p AS (SELECT id FROM t) UPDATE u SET x = 1 WHERE id IN (SELECT id FROM p)", false)]
    [InlineData("delete from t where name = '(' and id in (select 1)", false)]
    [InlineData("-- nothing", false)]
    public void A_batch_wants_rows_of_what_gives_them(string text, bool expected) => Assert.Equal(expected, Statements.GivesRows(new QueryCommand(text)));

    [Fact]
    public void A_statement_gets_the_parameters_that_it_names()
    {
        var command = ContractCommand.Of("SELECT @a; SELECT '@a', @B", System.Data.CommandType.Text, new HaloDbCommand { Parameters = { new HaloDbParameter("a", 1), new HaloDbParameter("b", 2) } }.Parameters);
        Assert.Equal([["@a"], ["@b"]], Statements.Of(command).Select(s => s.Parameters!.Select(p => p.Name).ToArray()));
    }
}
