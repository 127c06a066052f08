using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>
/// Texts that hide what they do behind white space, comments and quotes of every kind, and end transactions and write: a reader's change nothing, and of a
/// writer's <c>executed</c> agrees with what is there afterwards. HALO_FUZZ_TEXTS says how many are tried on each database (default 400), HALO_FUZZ_SEED which.
/// </summary>
public sealed class ReadOnlyFuzzTests(SharedPostgres postgres, ITestOutputHelper output)
{
    const int Callers = 4;

    static int Texts => int.TryParse(Environment.GetEnvironmentVariable("HALO_FUZZ_TEXTS"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var texts) ? texts : 400;

    static int Seed => int.TryParse(Environment.GetEnvironmentVariable("HALO_FUZZ_SEED"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed) ? seed : Random.Shared.Next();

    [Fact]
    public async Task No_text_of_a_PostgreSQL_reader_changes_anything()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(EngineNames.Postgres, database);
        await owner.DoAsync("CREATE TABLE t (id int); INSERT INTO t VALUES (0); CREATE SEQUENCE s; CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; INSERT INTO t VALUES (1); COMMIT; END $$");
        await using var reader = Open(EngineNames.Postgres, await SharedPostgres.NewReaderAsync(database));
        // The owner's own login too, kept to reading by its policy's modes.
        await TryAsync(FuzzText.Postgres, (text, number) => (number % 2 == 0 ? reader : owner).RunAsync(
            text, access: number % 2 == 0 ? CommandAccess.ReadOnly : CommandAccess.Read), async () =>
            {
                Assert.Equal("""[{"id":0}]""", await owner.RowsAsync("SELECT id FROM t"));
                Assert.Equal("1", await owner.ValueAsync("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND relkind = 'r'"));
                Assert.Equal("0", await owner.ValueAsync("SELECT count(*) FROM pg_prepared_xacts"));
            });
    }

    [Fact]
    public async Task No_text_of_a_SQLite_reader_changes_anything()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (0)");
        await TryAsync(FuzzText.Sqlite, (text, number) => bench.RunAsync(text, access: number % 2 == 0 ? CommandAccess.ReadOnly : CommandAccess.Read), async () =>
        {
            Assert.Equal("""[{"id":0}]""", await bench.RowsAsync("SELECT id FROM t"));
            Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM sqlite_master"));
        });
    }

    [Fact]
    public async Task What_a_PostgreSQL_writer_is_told_is_what_is_there()
    {
        await using var bench = Open(EngineNames.Postgres, await postgres.NewDatabaseAsync());
        await bench.DoAsync("CREATE SEQUENCE s; CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); PERFORM 1/0; END $$");
        await CompareAsync(bench, FuzzText.Postgres);
    }

    [Fact]
    public async Task What_a_SQLite_writer_is_told_is_what_is_there()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await CompareAsync(bench, FuzzText.Sqlite);
    }

    /// <summary>One after the other: each begins with an empty table.</summary>
    async Task CompareAsync(EngineBench bench, FuzzText grammar)
    {
        var seed = Seed;
        var told = new Dictionary<(Ending, Executed), int>();
        for (var number = 0; number < Texts; number++)
        {
            await bench.DoAsync("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
            var text = grammar.Make(new Random(HashCode.Combine(seed, number)));
            var result = await bench.RunAsync(text);
            told[(result.Ending, result.Executed)] = told.GetValueOrDefault((result.Ending, result.Executed)) + 1;
            var sink = new CollectingSink();
            var look = await bench.RunAsync("SELECT count(*) AS n FROM t", sink);
            var there = look.Ending != Ending.Successful || sink.Json != """[{"n":0}]""";
            Assert.False(result.Executed == Executed.No && there, $"Seed {seed}, text {number} was told as not executed, and a row is there: {Show(text.Text)}");
            Assert.False(result.Ending == Ending.Successful && result.Executed != Executed.Yes, $"Seed {seed}, text {number}: {Show(text.Text)}");
        }
        output.WriteLine($"Seed {seed}: {string.Join(", ", told.Select(t => $"{t.Key} {t.Value}"))}");
    }

    async Task TryAsync(FuzzText grammar, Func<QueryCommand, int, Task<ExecutionResult>> run, Func<Task> unchanged)
    {
        var seed = Seed;
        const int BetweenLooks = 200;
        var endings = new Dictionary<(Ending, Executed), int>();
        for (var first = 0; first < Texts; first += BetweenLooks)
        {
            var last = Math.Min(first + BetweenLooks, Texts);
            var results = await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
            {
                var mine = new List<(Ending, Executed)>();
                for (var number = first + caller; number < last; number += Callers)
                {
                    var result = await run(grammar.Make(new Random(HashCode.Combine(seed, number))), number);
                    mine.Add((result.Ending, result.Executed));
                }
                return mine;
            })));
            foreach (var ending in results.SelectMany(r => r))
                endings[ending] = endings.GetValueOrDefault(ending) + 1;
            try
            {
                await unchanged();
            }
            catch (Xunit.Sdk.XunitException e)
            {
                throw new InvalidOperationException($"Seed {seed}, one of the texts {first} to {last - 1} has changed something.", e);
            }
        }
        // Both must have come: texts that read, and texts that were refused.
        Assert.Contains((Ending.Failed, Executed.No), endings.Keys);
        Assert.Contains((Ending.Successful, Executed.Yes), endings.Keys);
        output.WriteLine($"Seed {seed}: {string.Join(", ", endings.Select(t => $"{t.Key} {t.Value}"))}");
    }

    static string Show(string text) => string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c.ToString() : FormattableString.Invariant($"\\u{(int)c:x4}")));

    static EngineBench Open(string engine, string settings) => new(DatabaseEngines.Create(engine, settings, TimeProvider.System));
}

/// <summary>Makes texts of one database's grammar: statements that write and end transactions, taken apart and hidden.</summary>
sealed class FuzzText(string[] statements, string[] quotes, string[] comments)
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

    /// <summary>A text of one to six statements, with some of its joints opened.</summary>
    public QueryCommand Make(Random random)
    {
        var text = new StringBuilder();
        var count = random.Next(1, 7);
        for (var i = 0; i < count; i++)
        {
            if (random.Next(3) == 0)
                text.Append(Any(random, Any(random, Spaces, quotes, comments)));
            text.Append(Hide(Any(random, statements), random));
            if (random.Next(4) == 0)
                text.Append(' ').Append(Any(random, Any(random, Spaces, quotes, comments)));
            text.Append(Any(random, Glue));
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
            if (c == ' ' && random.Next(4) == 0)
                hidden.Append(Any(random, Any(random, Spaces, Spaces, comments)));
            else
                hidden.Append(random.Next(8) == 0 ? char.ToLowerInvariant(c) : c);
        }
        return hidden.ToString();
    }

    static T Any<T>(Random random, params T[] all) => all[random.Next(all.Length)];
}
