using System.Text;
using Halo.Contracts.Queries;

namespace Halo.Link.Tests.Engines;

/// <summary>Makes texts of one database's grammar: statements that write and end transactions, taken apart and hidden.</summary>
/// <param name="spoilsOneIn">Of so many joints one is opened: the more, the more texts are what the database takes.</param>
sealed class FuzzText(string[] statements, string[] quotes, string[] comments, int spoilsOneIn = 3)
{
    /// <summary>All of Unicode's white space, what PostgreSQL and SQLite take for it, and what looks like it and is not.</summary>
    static readonly string[] Spaces =
        [.. Enumerable.Range(0, char.MaxValue).Select(c => (char)c).Where(c => char.IsWhiteSpace(c)).Select(c => c.ToString()), "\u200b", "\ufeff", "\u180e", "\u00ad", " ", " ", " ", "\n", "\r", "\r\n", "\t"];

    static readonly string[] Glue = [";", ";", ";", "; ;", "\r;", ";--\r", ";--\n", ";/**/", "", " "];

    public static FuzzText Postgres { get; } = new(
        [
            "SELECT 1", "SELECT 1", "SELECT id FROM t", "SELECT 1/0", "SELECT @p", "SELEC 1", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1) RETURNING 1/0",
            "UPDATE t SET id = 9", "DELETE FROM t", "COMMIT", "COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "BEGIN READ WRITE", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
            "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "SET TRANSACTION READ WRITE", "SET transaction_read_only = off", "RESET transaction_read_only", "RESET ALL",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SET default_transaction_read_only = off", "SET standard_conforming_strings = off", "SET backslash_quote = on",
            "SELECT set_config('transaction_read_only', 'off', false)", "SELECT nextval('s')", "CREATE TABLE u (id int)", "DROP TABLE t", "TRUNCATE t", "CREATE TABLE u AS SELECT 1",
            "SELECT 1 INTO u", "WITH w AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id FROM w", "CALL p()", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
            "PREPARE q AS INSERT INTO t VALUES (1)", "EXECUTE q", "DEALLOCATE ALL", "DISCARD ALL", "LOCK TABLE t", "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
            "DO $$ BEGIN INSERT INTO t VALUES (1); END $$", "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM 1/0; END $$", "DO $$ BEGIN COMMIT; END $$",
            "DO $$ BEGIN EXECUTE 'RESET transaction_read_only'; INSERT INTO t VALUES (1); END $$", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE ALL", "LISTEN x", "NOTIFY x",
            "VACUUM t", "COPY t TO STDOUT", "COPY t FROM STDIN", "VALUES (1)", "TABLE t",
        ],
        ["'", "'", "\"", "E'", "E'\\'", "e'\\\\", "U&'", "B'", "N'", "$$", "$a$", "$\u00a0$", "$1", "''", "'''", "\\'", "1$$", "a$$", "\u00a0$$", "\u3000$a$", "@", ":p", "@p", "::int", "(", ")"],
        ["--", "-- ;\n", "--\r", "--\u2028", "--\u0085", "/*", "*/", "/* /* */", "/**/", "/* ; */", "--\\\n", "- -", "\\"]);

    public static FuzzText Sqlite { get; } = new(
        [
            "SELECT 1", "SELECT 1", "SELECT id FROM t", "SELECT abs(-9223372036854775808)", "SELECT @p", "SELEC 1", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (abs(-9223372036854775808))", "UPDATE t SET id = 9", "DELETE FROM t", "COMMIT", "COMMIT", "END", "ROLLBACK", "BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE",
            "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "PRAGMA query_only = OFF", "PRAGMA writable_schema = ON", "PRAGMA user_version = 7", "PRAGMA journal_mode = DELETE",
            "ATTACH ':memory:' AS m", "VACUUM", "REINDEX", "ANALYZE", "CREATE TABLE u (id)", "DROP TABLE t", "CREATE TEMP TABLE x AS SELECT 1", "CREATE TABLE u AS SELECT 1",
            "REPLACE INTO t VALUES (1)", "INSERT INTO t VALUES (1) RETURNING id", "WITH w AS (SELECT 1) INSERT INTO t SELECT * FROM w", "EXPLAIN INSERT INTO t VALUES (1)", "VALUES (1)",
            "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END", "CREATE VIRTUAL TABLE v USING fts5(x)",
        ],
        ["'", "'", "\"", "`", "[", "]", "X'", "''", "'''", "@p", ":p", "$p", "(", ")"],
        ["--", "-- ;\n", "--\r", "/*", "*/", "/**/", "/* ; */", "- -", "\\"]);

    /// <summary>A text of one to six statements, with some of its joints opened; the same for the same seed and number.</summary>
    public QueryCommand Make(int seed, int number)
    {
        // Not HashCode.Combine: that differs from one process to the next. Seeds next to each other give numbers that are alike.
        var random = new Random(unchecked(seed * 1_000_003 + number * 0x3779b9));
        var text = new StringBuilder();
        var count = random.Next(1, 7);
        for (var i = 0; i < count; i++)
        {
            if (random.Next(spoilsOneIn) == 0)
                text.Append(Any(random, Any(random, Spaces, quotes, comments)));
            text.Append(Hide(Any(random, statements), random));
            if (random.Next(spoilsOneIn + 1) == 0)
                text.Append(' ').Append(Any(random, Any(random, Spaces, quotes, comments)));
            text.Append(random.Next(spoilsOneIn) < 3 ? Any(random, Glue) : ";");
        }
        var modes = Enum.GetValues<ExecutionMode>();
        return new(text.ToString())
        {
            ExecutionMode = modes[random.Next(modes.Length)],
            Parameters = random.Next(2) == 0 ? [EngineBench.Parameter("p", 1, SqlType.Int)] : null,
        };
    }

    string Hide(string statement, Random random)
    {
        if (random.Next(2) == 0)
            return statement;
        var hidden = new StringBuilder();
        foreach (var c in statement)
        {
            if (c == ' ' && random.Next(spoilsOneIn + 1) == 0)
                hidden.Append(Any(random, Any(random, Spaces, Spaces, comments)));
            else
                hidden.Append(random.Next(8) == 0 ? char.ToLowerInvariant(c) : c);
        }
        return hidden.ToString();
    }

    static T Any<T>(Random random, params T[] all) => all[random.Next(all.Length)];
}
