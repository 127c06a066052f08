using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Reach;

/// <summary>
/// Texts that try to change the process, to reach other files, to load code or to take more than they may: the next query, another database's too, finds
/// nothing of it. HALO_FUZZ_REACH says how many are tried (default 400), HALO_FUZZ_SEED which (default 1).
/// </summary>
public sealed class SqliteReachFuzzTests(ITestOutputHelper output)
{
    const long Memory = 32 << 20;

    /// <summary>What a connection and the process are set to: a look, and what it must find.</summary>
    static readonly (string Look, string Expected)[] Looks =
    [
        ("SELECT count(*) FROM sqlite_temp_master", "0"), ("PRAGMA busy_timeout", "0"), ("PRAGMA cache_size", "-2000"), ("PRAGMA query_only", "0"), ("PRAGMA foreign_keys", "1"),
        ("PRAGMA synchronous", "2"), ("PRAGMA journal_mode", "\"delete\""), ("PRAGMA locking_mode", "\"normal\""), ("PRAGMA temp_store", "2"), ("PRAGMA trusted_schema", "0"),
        ("PRAGMA read_uncommitted", "0"), ("PRAGMA page_size", "4096"), ("PRAGMA user_version", "0"), ("PRAGMA encoding", "\"UTF-8\""), ("PRAGMA recursive_triggers", "0"),
        ("SELECT 'A' LIKE 'a'", "1"), ("SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')", "0"), ("SELECT length(hex(zeroblob(500000)))", "1000000"),
    ];

    [Fact]
    public async Task No_text_changes_the_process_makes_a_file_or_leaves_anything_for_the_next_query_on_SQLite()
    {
        using var file = new SqliteFile();
        using var untouched = new SqliteFile();
        using var folder = new ReachFolder();
        await using var workers = SharedWorkers.New(Memory);
        await using var bench = file.Open(workers: workers);
        await using var others = untouched.Open(workers: workers);
        await others.DoAsync("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)");
        await bench.DoAsync("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (0)");
        await ReachFuzz.TryAsync(SqliteGrammar(folder.Path), output, async (text, number) =>
        {
            var access = (number % 3) switch { 0 => CommandAccess.ReadOnly, 1 => CommandAccess.Read, _ => CommandAccess.Write };
            var result = await bench.RunAsync(text, access: access, limit: TimeSpan.FromSeconds(1));
            foreach (var at in (int[])[number, number * 7 + 3])
            {
                var (look, expected) = Looks[at % Looks.Length];
                Assert.Equal((look, expected), (look, await bench.ValueAsync(look)));
            }
            Assert.Equal("7", await others.ValueAsync("SELECT id FROM t"));
            return result;
        }, () =>
        {
            Assert.Empty(folder.Files());
            foreach (var database in (SqliteFile[])[file, untouched])
                Assert.Equal([database.Path], Directory.GetFileSystemEntries(Path.GetDirectoryName(database.Path)!));
            Assert.Empty(Directory.GetFiles(Environment.CurrentDirectory, "leak*"));
            return Task.CompletedTask;
        });
    }

    static FuzzText SqliteGrammar(string folder) => new(
        [
            // The process and the connection.
            "PRAGMA hard_heap_limit = 1", "PRAGMA soft_heap_limit(1)", "SELECT * FROM pragma_hard_heap_limit", $"PRAGMA temp_store_directory = '{folder}'", $"PRAGMA data_store_directory = '{folder}'",
            "PRAGMA busy_timeout = 60000", "PRAGMA cache_size = -1000000", "PRAGMA cache_spill = ON", "PRAGMA mmap_size = 1000000000", "PRAGMA threads = 8", "PRAGMA temp_store = 1",
            "PRAGMA journal_mode = WAL", "PRAGMA main.journal_mode = MEMORY", "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA synchronous = OFF", "PRAGMA trusted_schema = ON", "PRAGMA writable_schema = ON",
            "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA shrink_memory", "PRAGMA optimize", "PRAGMA case_sensitive_like = ON", "PRAGMA query_only = ON", "PRAGMA recursive_triggers = ON",
            "PRAGMA foreign_keys = OFF", "PRAGMA vdbe_trace = ON", "PRAGMA parser_trace = ON", "PRAGMA lock_status", "PRAGMA stats", "PRAGMA integrity_check", "PRAGMA read_uncommitted = ON",
            "PRAGMA page_size = 512", "PRAGMA user_version = 7", "PRAGMA encoding = 'UTF-16'", "PRAGMA schema_version = 9", "PRAGMA automatic_index = OFF", "PRAGMA analysis_limit = 1",
            // Other files, and code.
            $"ATTACH '{folder}/leak1.db' AS a", "ATTACH '' AS b", "ATTACH ':memory:' AS c", $"ATTACH 'file:{folder}/leak2.db?mode=rwc' AS d", "ATTACH 'leak3.db' AS e", "DETACH a", "DETACH main",
            $"VACUUM INTO '{folder}/leak4.db'", "VACUUM INTO 'leak5.db'", "VACUUM", $"SELECT load_extension('{folder}/evil')", "SELECT fts3_tokenizer('simple', x'0000000000000000')",
            $"SELECT writefile('{folder}/leak6', 'x')", "SELECT readfile('/etc/passwd')", "SELECT edit('x')", "CREATE VIRTUAL TABLE temp.leak7 USING csv(filename = '/etc/passwd')",
            $"CREATE VIRTUAL TABLE temp.leak8 USING zipfile('{folder}/leak8.zip')", "CREATE VIRTUAL TABLE temp.leak9 USING fts5(x)", "CREATE VIRTUAL TABLE temp.leak10 USING fts4(x, tokenize = simple)",
            "CREATE VIRTUAL TABLE temp.leak11 USING rtree(id, a, b)", "CREATE VIRTUAL TABLE temp.leak12 USING dbstat", "SELECT count(*) FROM sqlite_dbpage", "UPDATE sqlite_dbpage SET data = zeroblob(4096)",
            "DELETE FROM sqlite_master", "UPDATE sqlite_master SET sql = 'x'", "SELECT * FROM sqlite_stmt", "SELECT * FROM bytecode('SELECT 1')", "SELECT sqlite_log(1, 'x')", "SELECT sqlite_source_id()",
            // What a connection holds.
            "CREATE TEMP TABLE leak AS SELECT 1 AS id", "CREATE TEMP VIEW leakv AS SELECT * FROM pragma_soft_heap_limit", "SELECT * FROM leakv", "BEGIN", "BEGIN EXCLUSIVE", "COMMIT", "ROLLBACK", "SAVEPOINT a",
            "CREATE TEMP TRIGGER leakt AFTER INSERT ON t BEGIN SELECT load_extension('evil'); END", "INSERT INTO t VALUES (1)", "EXPLAIN PRAGMA hard_heap_limit = 1", "ANALYZE", "REINDEX",
            // More than it may take.
            "SELECT zeroblob(2000000000)", "SELECT length(randomblob(900000000))", "SELECT hex(zeroblob(20000000))", "SELECT printf('%.*c', 40000000, 'x')", "SELECT printf('%2000000000d', 1)",
            "SELECT replace(hex(zeroblob(10000)), '0', hex(zeroblob(1000)))", "SELECT group_concat(hex(zeroblob(1000000))) FROM (VALUES (1),(2),(3),(4)) a, (VALUES (1),(2),(3),(4),(5)) b",
            $"SELECT {string.Concat(Enumerable.Repeat("(", 900))}1{string.Concat(Enumerable.Repeat(")", 900))}", $"SELECT {string.Concat(Enumerable.Repeat("(", 30_000))}1{string.Concat(Enumerable.Repeat(")", 30_000))}",
            $"SELECT 1{string.Concat(Enumerable.Repeat("+1", 2000))}", "SELECT json(replace(hex(zeroblob(500000)), '0', '['))", "SELECT json_extract('{}', '$' || replace(hex(zeroblob(5000)), '0', '[0]'))",
            "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' LIKE replace(hex(zeroblob(6)), '0', '%a')", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT count(*) FROM n",
            "CREATE TEMP TABLE leakb AS SELECT randomblob(80000000) AS b", $"SELECT {string.Join(" UNION ALL SELECT ", Enumerable.Range(0, 600))}", "SELECT '9' GLOB replace(hex(zeroblob(30000)), '0', '[')",
            // And what is usual.
            "SELECT 1", "SELECT id FROM t", "SELECT abs(-9223372036854775808)", "SELEC 1", "PRAGMA table_info(t)", "SELECT name FROM pragma_table_info('t')",
        ],
        ["'", "\"", "`", "[", "]", "X'", "''", "(", ")", "@p"],
        ["--", "-- ;\n", "--\r", "/*", "*/", "/**/", "/* ; */", "\\"], spoilsOneIn: 30);
}
