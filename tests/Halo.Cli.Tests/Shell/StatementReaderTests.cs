using Halo.Cli.Shell;

namespace Halo.Cli.Tests.Shell;

/// <summary>Where statements end, and what they are run for.</summary>
public sealed class StatementReaderTests
{
    [Theory]
    [InlineData("SELECT 1;", "SELECT 1")]
    [InlineData("SELECT 1; SELECT 2;", "SELECT 1", "SELECT 2")]
    [InlineData("SELECT 1\nFROM t;\n", "SELECT 1\nFROM t")]
    [InlineData("SELECT ';' AS \"a;b\", [c;d] -- no; end\n, /* ; */ 1;", "SELECT ';' AS \"a;b\", [c;d] -- no; end\n, /* ; */ 1")]
    [InlineData("SELECT 'it''s; so';", "SELECT 'it''s; so'")]
    [InlineData("SELECT $f$ a; b $f$;", "SELECT $f$ a; b $f$")]
    [InlineData(";;  ; -- nothing\n;")]
    [InlineData("SELECT 1; -- x", "SELECT 1")]
    [InlineData("SELECT 1; SELECT 2", "SELECT 1", "SELECT 2")]
    public void A_statement_goes_to_a_semicolon_outside_of_quotes_and_comments(string text, params string[] statements)
    {
        var reader = new StatementReader();
        var read = text.Split('\n').SelectMany(reader.Add).ToList();
        if (reader.Take() is { } last)
            read.Add(last);
        Assert.Equal(statements, read);
        Assert.True(reader.IsEmpty);
    }

    [Theory]
    [InlineData("SELECT 1", true)]
    [InlineData("-- INSERT\n  select 1", true)]
    [InlineData("(VALUES (1))", true)]
    [InlineData("INSERT INTO t VALUES (1) RETURNING id", true)]
    [InlineData("INSERT INTO t VALUES ('RETURNING')", false)]
    [InlineData("UPDATE t SET a = 1 WHERE b = 'SELECT'", false)]
    [InlineData("/* SELECT */ DELETE FROM t", false)]
    [InlineData("CREATE TABLE t AS SELECT 1", false)]
    public void A_statement_is_run_for_its_rows_or_for_what_it_changes(string statement, bool givesRows) => Assert.Equal(givesRows, StatementReader.GivesRows(statement));
}
