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
    [InlineData("CREATE PROCEDURE p AS DELETE FROM a; DELETE FROM b;\nGO\nSELECT 1;", "CREATE PROCEDURE p AS DELETE FROM a; DELETE FROM b;", "SELECT 1")]
    [InlineData("create or replace function f() returns int begin atomic; select 1; end;\n\\g", "create or replace function f() returns int begin atomic; select 1; end;")]
    [InlineData("ALTER /* x */ PROC p AS SELECT 1; SELECT 2\n go ", "ALTER /* x */ PROC p AS SELECT 1; SELECT 2")]
    [InlineData("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);\n/", "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);")]
    [InlineData("CREATE DEFINER = `a`@`b` TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; END;\n\\g", "CREATE DEFINER = `a`@`b` TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; END;")]
    [InlineData("DECLARE @n int = 1; DELETE FROM t WHERE n = @n;\nGO", "DECLARE @n int = 1; DELETE FROM t WHERE n = @n;")]
    [InlineData("IF 1 = 1 BEGIN DELETE FROM a; END\nGO", "IF 1 = 1 BEGIN DELETE FROM a; END")]
    [InlineData("BEGIN DELETE FROM a; END;\nGO", "BEGIN DELETE FROM a; END;")]
    // Between quotes it is text.
    [InlineData("CREATE PROCEDURE p AS SELECT '\nGO\n';\nGO", "CREATE PROCEDURE p AS SELECT '\nGO\n';")]
    // Without a body a semicolon ends it, and a word is a word.
    [InlineData("CREATE TABLE trigger_log (rule int); SELECT 1;", "CREATE TABLE trigger_log (rule int)", "SELECT 1")]
    [InlineData("SELECT 6\n/\n2;", "SELECT 6\n/\n2")]
    [InlineData("SELECT 1\n\\g\nSELECT 2;", "SELECT 1", "SELECT 2")]
    [InlineData("BEGIN; DELETE FROM a;", "BEGIN", "DELETE FROM a")]
    [InlineData("BEGIN TRANSACTION; DELETE FROM a;", "BEGIN TRANSACTION", "DELETE FROM a")]
    [InlineData("SELECT 1;\nGO\nSELECT 2;", "SELECT 1", "SELECT 2")]
    [InlineData("SELECT 1;\n\\g\nSELECT 2;", "SELECT 1", "SELECT 2")]
    // As scripts of SQL Server have it.
    [InlineData("EXEC p\nGO\nEXEC q;", "EXEC p", "EXEC q")]
    [InlineData("SET ANSI_NULLS ON\nGO;\nCREATE PROC p AS DELETE FROM a; DELETE FROM b;\nGO", "SET ANSI_NULLS ON", "CREATE PROC p AS DELETE FROM a; DELETE FROM b;")]
    public void A_statement_with_a_body_goes_to_a_line_that_ends_it(string text, params string[] statements)
    {
        var reader = new StatementReader();
        Assert.Equal(statements, text.Split('\n').SelectMany(reader.Add));
        Assert.True(reader.IsEmpty);
    }

    [Theory]
    [InlineData("BEGIN", true)]
    [InlineData("begin tran", true)]
    [InlineData("BEGIN IMMEDIATE", true)]
    [InlineData("START TRANSACTION", true)]
    [InlineData("/* x */ COMMIT", true)]
    [InlineData("ROLLBACK TO a", true)]
    [InlineData("SAVEPOINT a", true)]
    [InlineData("BEGIN DELETE FROM a; END", false)]
    [InlineData("SELECT 'COMMIT'", false)]
    [InlineData("", false)]
    public void What_begins_or_ends_a_transaction_is_known(string statement, bool isOf) => Assert.Equal(isOf, StatementReader.IsOfTransaction(statement));

    [Theory]
    [InlineData("SELECT 1", true)]
    [InlineData("-- INSERT\n  select 1", true)]
    [InlineData("(VALUES (1))", true)]
    [InlineData("INSERT INTO t VALUES (1) RETURNING id", true)]
    [InlineData("INSERT INTO t VALUES ('RETURNING')", false)]
    [InlineData("UPDATE t SET a = 1 WHERE b = 'SELECT'", false)]
    [InlineData("/* SELECT */ DELETE FROM t", false)]
    [InlineData("CREATE TABLE t AS SELECT 1", false)]
    [InlineData("CREATE PROCEDURE p @n int OUTPUT AS SET @n = 1", false)]
    [InlineData("WITH x AS (SELECT 1 AS n) SELECT n FROM x INNER MERGE JOIN y ON y.n = x.n OPTION (MERGE JOIN)", true)]
    [InlineData("WITH x AS (SELECT update FROM t) SELECT count(*) FROM x", true)]
    [InlineData("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", false)]
    [InlineData("DECLARE @n int = 1; SELECT @n", true)]
    [InlineData("IF 1 = 1 SELECT 1", true)]
    [InlineData("IF 1 = 1 DELETE FROM t", false)]
    [InlineData("SET @n = 1", false)]
    [InlineData("WITH d AS (SELECT 1) DELETE FROM t", false)]
    [InlineData("WITH d AS (DELETE FROM t RETURNING n) SELECT n FROM d", true)]
    [InlineData("WITH d AS (SELECT 1) SELECT * FROM d FOR UPDATE", true)]
    [InlineData("WITH d AS (SELECT 1) SELECT * FROM d FOR NO KEY UPDATE", true)]
    public void A_statement_is_run_for_its_rows_or_for_what_it_changes(string statement, bool givesRows) => Assert.Equal(givesRows, StatementReader.GivesRows(statement));
}
