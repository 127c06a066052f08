using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Sqlite;

/// <summary>Whatever SQL a caller sends, it changes neither the process, nor the file for others, nor the limits that it runs under.</summary>
public sealed class SqliteRefusalTests
{
    /// <summary>The SQL, and the name that the refusal shows.</summary>
    public static TheoryData<string, string> Refused => new()
    {
        // The whole process.
        { "PRAGMA hard_heap_limit = 1", "hard_heap_limit" },
        { "PRAGMA hard_heap_limit", "hard_heap_limit" },
        { "PRAGMA soft_heap_limit(200000)", "soft_heap_limit" },
        { "PRAGMA Soft_Heap_Limit = 1", "Soft_Heap_Limit" },
        { "PRAGMA temp_store_directory = '/tmp'", "temp_store_directory" },
        { "PRAGMA data_store_directory = '/tmp'", "data_store_directory" },
        { "PRAGMA threads = 8", "threads" },
        { "PRAGMA mmap_size = 1000000000", "mmap_size" },
        { "PRAGMA cache_size = 1000000000", "cache_size" },
        { "PRAGMA cache_spill = OFF", "cache_spill" },
        { "PRAGMA module_that_a_later_version_adds = 1", "module_that_a_later_version_adds" },
        // Limits and safety of the query itself.
        { "PRAGMA busy_timeout = 60000", "busy_timeout" },
        { "PRAGMA temp_store = FILE", "temp_store" },
        { "PRAGMA main.temp_store(1)", "temp_store" },
        { "PRAGMA trusted_schema = ON", "trusted_schema" },
        { "PRAGMA writable_schema = ON", "writable_schema" },
        { "PRAGMA ignore_check_constraints = ON", "ignore_check_constraints" },
        // The file, for everybody.
        { "PRAGMA journal_mode = OFF", "journal_mode" },
        { "PRAGMA main.journal_mode(memory)", "journal_mode" },
        { "PRAGMA synchronous = OFF", "synchronous" },
        { "PRAGMA locking_mode = EXCLUSIVE", "locking_mode" },
        { "PRAGMA page_size = 512", "page_size" },
        { "PRAGMA max_page_count = 1", "max_page_count" },
        { "PRAGMA schema_version = 7", "schema_version" },
        { "PRAGMA user_version = 7", "user_version" },
        { "PRAGMA encoding = 'UTF-16'", "encoding" },
        { "PRAGMA auto_vacuum = 1", "auto_vacuum" },
        { "PRAGMA incremental_vacuum", "incremental_vacuum" },
        { "PRAGMA wal_checkpoint", "wal_checkpoint" },
        { "PRAGMA wal_autocheckpoint = 0", "wal_autocheckpoint" },
        { "PRAGMA optimize", "optimize" },
        // In other places.
        { "EXPLAIN PRAGMA hard_heap_limit = 1", "hard_heap_limit" },
        { "EXPLAIN QUERY PLAN PRAGMA busy_timeout = 60000", "busy_timeout" },
        { "SELECT 1; PRAGMA hard_heap_limit = 1", "hard_heap_limit" },
        { "/* a comment */ PRAGMA /* another */ hard_heap_limit\n=\n1", "hard_heap_limit" },
        { "PRAGMA \"hard_heap_limit\" = 1", "hard_heap_limit" },
        { "SELECT * FROM pragma_soft_heap_limit", "soft_heap_limit" },
        { "WITH limits AS (SELECT * FROM pragma_hard_heap_limit) SELECT * FROM limits", "hard_heap_limit" },
        { "SELECT (SELECT 1 FROM pragma_hard_heap_limit)", "hard_heap_limit" },
        { "BEGIN; CREATE TEMP VIEW v AS SELECT * FROM pragma_hard_heap_limit; SELECT * FROM v", "hard_heap_limit" },
        // Other files, and code.
        { "ATTACH ':memory:' AS other", "ATTACH" },
        { "EXPLAIN ATTACH 'elsewhere.db' AS other", "ATTACH" },
        { "DETACH main", "DETACH" },
        { "VACUUM", "VACUUM" },
        { "VACUUM INTO 'copy.db'", "VACUUM" },
        { "SELECT load_extension('./evil')", "load_extension" },
        { "WITH c AS (SELECT load_extension('./evil', 'main') AS x) SELECT x FROM c", "load_extension" },
        { "SELECT fts3_tokenizer('simple')", "fts3_tokenizer" },
        { "SELECT fts3_tokenizer('simple', x'00')", "fts3_tokenizer" },
        { "BEGIN; CREATE TEMP TRIGGER own AFTER INSERT ON t BEGIN SELECT load_extension('./evil'); END; INSERT INTO t VALUES (9)", "load_extension" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_reaches_beyond_the_query_is_refused_by_name_and_changes_nothing(string sql, string name)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)");
        foreach (var access in Enum.GetValues<CommandAccess>())
        {
            var result = await bench.RunAsync(new QueryCommand(sql), access: access);
            Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.HaloLink, 400), (result.Ending, result.Executed, result.Error?.ErrorType, result.Error?.ErrorCode));
            Assert.Contains(name, result.Error!.ErrorMessage, StringComparison.Ordinal);
            Assert.Contains("through Halo Link", result.Error.ErrorMessage, StringComparison.Ordinal);
        }
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM t"));
        Assert.Equal("100000", await bench.ValueAsync("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM (SELECT i FROM n ORDER BY -i)"));
    }

    [Theory]
    [InlineData("PRAGMA table_info(t)", "\"name\":\"id\"")]
    [InlineData("PRAGMA main.table_xinfo('t')", "\"name\":\"id\"")]
    [InlineData("SELECT name FROM pragma_table_info('t')", "\"name\":\"id\"")]
    [InlineData("SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c", "\"id\"")]
    [InlineData("PRAGMA index_list(t)", "\"by_id\"")]
    [InlineData("PRAGMA index_info(by_id)", "\"name\":\"id\"")]
    [InlineData("PRAGMA integrity_check", "ok")]
    [InlineData("PRAGMA foreign_keys = OFF; PRAGMA foreign_keys", "0")]
    [InlineData("PRAGMA foreign_keys = ON; PRAGMA foreign_keys", "1")]
    [InlineData("PRAGMA recursive_triggers = ON; PRAGMA recursive_triggers", "1")]
    [InlineData("PRAGMA journal_mode", "delete")]
    [InlineData("PRAGMA user_version", "0")]
    [InlineData("PRAGMA temp_store", "2")]
    [InlineData("PRAGMA collation_list", "NOCASE")]
    [InlineData("EXPLAIN QUERY PLAN SELECT * FROM t WHERE id = 1", "by_id")]
    [InlineData("PRAGMA case_sensitive_like = ON; SELECT 'a' LIKE 'A' AS same", "\"same\":0")]
    public async Task What_only_reads_or_belongs_to_one_connection_goes_on(string sql, string expected)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER); CREATE INDEX by_id ON t (id)");
        var sink = new CollectingSink();
        // Where a pragma sets something first, the last result set is the one that tells.
        var sets = (await bench.RunAsync(sql)).ResultSets;
        var result = await bench.RunAsync(new QueryCommand(sql), sink, resultSet: sets);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Contains(expected, sink.Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statements_before_a_refused_one_are_told_as_far_as_they_took_effect()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var committed = await bench.RunAsync("INSERT INTO t VALUES (1); PRAGMA hard_heap_limit = 1");
        var open = await bench.RunAsync("BEGIN; INSERT INTO t VALUES (2); PRAGMA hard_heap_limit = 1");
        Assert.Equal((Executed.Unknown, Executed.No), (committed.Executed, open.Executed));
        Assert.Equal("1", await bench.ValueAsync("SELECT max(id) FROM t"));
    }

    [Fact]
    public async Task A_name_of_any_length_is_shown_shortened()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        var result = await bench.RunAsync($"PRAGMA {new string('x', 500_000)} = 1");
        Assert.Equal(400, result.Error?.ErrorCode);
        Assert.InRange(result.Error!.ErrorMessage.Length, 1, 300);
    }
}
