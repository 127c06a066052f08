using Halo.Link.Engines.Postgres;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>Texts are cut as PostgreSQL's own scanner cuts them.</summary>
public sealed class PostgresScriptTests
{
    [Theory]
    [InlineData("SELECT @a, @b, @a", "SELECT $1, $2, $1")]
    [InlineData("SELECT :a::int, @B", "SELECT $1::int, $2")]
    [InlineData("SELECT '@a', \"@a\", $$@a$$, $x$@a$x$ -- @a\n, @a /* @a /* @a */ @a */", "SELECT '@a', \"@a\", $$@a$$, $x$@a$x$ -- @a\n, $1 /* @a /* @a */ @a */")]
    [InlineData("SELECT 1 --\r, @a", "SELECT 1 --\r, $1")]
    [InlineData("SELECT E'it\\'s @a', @b", "SELECT E'it\\'s @a', $1")]
    [InlineData("SELECT E'x'\n  -- why\n  '\\' @a', @b", "SELECT E'x'\n  -- why\n  '\\' @a', $1")]
    [InlineData("SELECT 'x\\', @a, '", "SELECT 'x\\', $1, '")]
    [InlineData("SELECT 'it''s @a', @b", "SELECT 'it''s @a', $1")]
    [InlineData("SELECT 1\u00a0$$, @a, $$", "SELECT 1\u00a0$$, $1, $$")]
    [InlineData("SELECT id$$ @a $$", "SELECT id$$ $1 $$")]
    [InlineData("SELECT @@id, @other, tags @> @a, -1 @a", "SELECT @@id, @other, tags @> $1, -1 $1")]
    [InlineData("SELECT @a.b", "SELECT @a.b")]
    [InlineData("SELECT '@a", "SELECT '@a")]
    public void Known_names_become_numbers_where_they_are_placeholders(string text, string expected) =>
        Assert.Equal(expected, PostgresScript.Read(text, ["a", "b"]).Positional);

    [Fact]
    public void The_numbers_stand_for_the_parameters_in_the_order_of_their_first_use()
    {
        var script = PostgresScript.Read("SELECT @c, @A, @c", ["a", "b", "c"]);
        Assert.Equal(("SELECT $1, $2, $1", "2 0"), (script.Positional, string.Join(' ', script.Used)));
    }

    [Theory]
    [InlineData("SELECT 1", 1, true)]
    [InlineData(" ;; SELECT 1; -- ;\n", 1, true)]
    [InlineData("(VALUES (1))", 1, true)]
    [InlineData("/**/with x as (select 1) table x", 1, true)]
    [InlineData("SELECT ';', \";\", $$;$$, E'\\';'", 1, true)]
    [InlineData("SELECT 1;--\rCOMMIT", 2, false)]
    [InlineData("SELECT 1 --;\r;SELECT 2", 2, false)]
    [InlineData("SELECT 1\u00a0$$;COMMIT;$$", 3, false)]
    [InlineData("DO $$ BEGIN; END $$", 1, false)]
    [InlineData("CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", 1, false)]
    [InlineData("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3", 2, false)]
    [InlineData("CREATE TABLE atomic (id int); SELECT 1", 2, false)]
    [InlineData("", 0, false)]
    public void Statements_are_counted_as_the_server_would(string text, int statements, bool planned)
    {
        var script = PostgresScript.Read(text, []);
        Assert.Equal((statements, planned), (script.Statements, script.IsPlanned));
    }

    [Theory]
    [InlineData("SELECT 1", true)]
    [InlineData("(VALUES (1))", true)]
    [InlineData("WITH w AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id FROM w", true)]
    [InlineData("SELECT 'INTO', \"into\", $$ INTO $$ -- INTO\nFROM t", true)]
    [InlineData("SELECT 1 INTO made", false)]
    [InlineData("with w as (select 1) delete from t", false)]
    [InlineData("WITH w AS (SELECT 1) MERGE INTO t USING w ON true WHEN MATCHED THEN DO NOTHING", false)]
    [InlineData("INSERT INTO t VALUES (1) RETURNING id", false)]
    [InlineData("SELECT 1 FROM t FOR UPDATE", false)]
    [InlineData("SELECT 1; SELECT 2", false)]
    [InlineData("EXPLAIN SELECT 1", false)]
    public void What_gives_rows_for_certain_is_told_from_what_may_not(string text, bool isQuery) => Assert.Equal(isQuery, PostgresScript.Read(text, []).IsQuery);

    [Fact]
    public void A_backslash_is_an_escape_where_the_server_says_so()
    {
        Assert.Equal(2, PostgresScript.Read("SELECT '\\'; COMMIT; --'", []).Statements);
        Assert.Equal(1, PostgresScript.Read("SELECT '\\'; COMMIT; --'", [], backslashes: true).Statements);
    }
}
