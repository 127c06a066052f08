using System.Globalization;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>
/// Texts that hide what they do behind white space, comments and quotes of every kind, and end transactions and write: a reader's change nothing, and of a
/// writer's <c>executed</c> agrees with what is there afterwards. HALO_FUZZ_TEXTS says how many are tried on each database (default 600), HALO_FUZZ_SEED which.
/// </summary>
public sealed class ReadOnlyFuzzTests(SharedPostgres postgres, ITestOutputHelper output)
{
    const int Callers = 4;

    static int Texts => int.TryParse(Environment.GetEnvironmentVariable("HALO_FUZZ_TEXTS"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var texts) ? texts : 600;

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
                Assert.Equal("\"1,false\"", await owner.ValueAsync("SELECT last_value || ',' || is_called FROM s"));
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
        // Without one of these a text is one transaction, and one that failed is gone.
        await CompareAsync(bench, FuzzText.Postgres, ["commit", "end", "rollback", "abort", "call", "do ", "prepare", "vacuum", "discard"]);
    }

    [Fact]
    public async Task What_a_SQLite_writer_is_told_is_what_is_there()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        // Without one of these nothing is committed before a statement that fails.
        await CompareAsync(bench, FuzzText.Sqlite, ["insert", "update", "delete", "replace", "create", "drop", "commit", "end", "release", "reindex", "analyze", "pragma"]);
    }

    /// <summary>One after the other: each begins with an empty table.</summary>
    /// <param name="mayCommit">Words without which a text that failed has surely left nothing.</param>
    async Task CompareAsync(EngineBench bench, FuzzText grammar, string[] mayCommit)
    {
        var (proved, notProved) = (0, 0);
        var seed = Seed;
        var told = new Dictionary<(Ending, Executed), int>();
        for (var number = 0; number < Texts; number++)
        {
            await bench.DoAsync("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
            var text = grammar.Make(seed, number);
            var result = await bench.RunAsync(text);
            told[(result.Ending, result.Executed)] = told.GetValueOrDefault((result.Ending, result.Executed)) + 1;
            var sink = new CollectingSink();
            var look = await bench.RunAsync("SELECT count(*) AS n FROM t", sink);
            var there = look.Ending != Ending.Successful || sink.Json != """[{"n":0}]""";
            Assert.False(result.Executed == Executed.No && there, $"Seed {seed}, text {number} was told as not executed, and a row is there: {Show(text.Text)}");
            Assert.False(result.Ending == Ending.Successful && result.Executed != Executed.Yes, $"Seed {seed}, text {number}: {Show(text.Text)}");
            if (result.Ending != Ending.Failed || mayCommit.Any(word => text.Text.Contains(word, StringComparison.OrdinalIgnoreCase)))
                continue;
            if (result.Executed == Executed.No)
            {
                proved++;
                continue;
            }
            notProved++;
            output.WriteLine($"Not proved, seed {seed}, text {number}: {Show(text.Text)}");
        }
        // "unknown" is no way out: PostgreSQL cannot be asked now and then, where other tests change its catalogue by the thousand meanwhile.
        Assert.InRange(notProved, 0, proved / 20);
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
                    var result = await run(grammar.Make(seed, number), number);
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
