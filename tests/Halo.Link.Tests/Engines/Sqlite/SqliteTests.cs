using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Tests.Engines.Sqlite;

public sealed class SqliteTests
{
    public static TheoryData<string, string, string> Values => new()
    {
        { "INTEGER", "-9223372036854775808", "-9223372036854775808" },
        { "INTEGER", "NULL", "null" },
        { "REAL", "0.1", "0.1" },
        { "REAL", "1e300", "1E+300" },
        { "REAL", "9e999", "\"Infinity\"" },
        { "REAL", "-9e999", "\"-Infinity\"" },
        { "BOOLEAN", "1", "true" },
        { "BIT", "0", "false" },
        { "BOOLEAN", "7", "7" },
        { "DECIMAL(38,20)", "'12345678901234567890.12345678901234567890x'", "\"12345678901234567890.12345678901234567890x\"" },
        { "DECIMAL(10,2)", "1.5", "1.5" },
        { "", "'12.50'", "\"12.50\"" },
        { "DATE", "'2026-03-05'", "\"2026-03-05\"" },
        { "DATE", "'-0043-03-15'", "\"-0043-03-15\"" },
        { "DATETIME", "'2026-03-05 14:30:00.1200'", "\"2026-03-05T14:30:00.12\"" },
        { "TIMESTAMP", "'2026-03-05T14:30:00'", "\"2026-03-05T14:30:00\"" },
        { "DATETIME", "'about noon'", "\"about noon\"" },
        { "DATETIME", "1772721000", "1772721000" },
        { "TIME", "'14:30:00.5'", "\"14:30:00.5000000\"" },
        { "TIME", "'14:30:00.0'", "\"14:30:00\"" },
        { "UUID", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"" },
        { "GUID", "'not one'", "\"not one\"" },
        { "BLOB", "x'deadbeef00'", "\"3q2+7wA=\"" },
        { "BLOB", "x''", "\"\"" },
        { "TEXT", "''", "\"\"" },
        { "TEXT", "'é漢'", "\"é漢\"" },
        { "TEXT", "CAST(x'61ff62' AS TEXT)", "\"a\uFFFDb\"" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Every_storage_class_and_declared_type_has_its_form(string declared, string value, string expected)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync($"CREATE TABLE t (v {declared}); INSERT INTO t VALUES ({value})");
        Assert.Equal(expected, await bench.ValueAsync("SELECT v FROM t"));
    }

    [Fact]
    public async Task A_decimal_kept_as_text_comes_with_all_its_digits()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (v DECIMAL(60,30)); INSERT INTO t VALUES ('12345678901234567890.123456789012345678901')");
        // NUMERIC affinity turns it into REAL on insertion when that loses nothing it cares for: SQLite's doing, before any reader.
        Assert.Contains(await bench.ValueAsync("SELECT v FROM t"), new[] { "12345678901234567890.123456789012345678901", "1.2345678901234567E+19" });
    }

    [Fact]
    public async Task A_decimal_parameter_loses_no_digit()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        const string digits = "123456789012345678901234567890.12345678901234567890";
        Assert.Equal($"\"{digits}\"", await bench.ValueAsync("SELECT @p AS v", EngineBench.Parameter("p", digits, SqlType.Decimal)));
        Assert.Equal("1.5", await bench.ValueAsync("SELECT @p AS v", EngineBench.Parameter("p", "1.50", SqlType.Decimal)));
        Assert.Equal("9223372036854775807", await bench.ValueAsync("SELECT @p AS v", EngineBench.Parameter("p", "9223372036854775807", SqlType.Decimal)));
    }

    [Fact]
    public async Task Text_does_not_end_at_its_zero_character_nor_is_long_text_cut()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        Assert.Equal("\"a\\u0000b\"", await bench.ValueAsync("SELECT 'a' || char(0) || 'b' AS v"));
        Assert.Equal(5_000_002, (await bench.ValueAsync("SELECT replace(hex(zeroblob(2500000)), '00', 'xy') AS v")).Length);
    }

    [Fact]
    public async Task A_utf16_database_gives_the_same_text()
    {
        using var file = new SqliteFile();
        await using (var practice = new SqliteConnection($"Data Source={file.Path};Pooling=False"))
        {
            practice.Open();
            new SqliteCommand("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('é漢' || char(128512))", practice).ExecuteNonQuery();
        }
        await using var bench = file.Open();
        Assert.Equal("é漢😀", JsonDocument.Parse(await bench.ValueAsync("SELECT v FROM t")).RootElement.GetString());
    }

    [Fact]
    public async Task An_error_keeps_the_databases_own_words_and_its_extended_code()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)");
        Assert.Equal(new ErrorDetails("sqlite", 1, "no such table: nowhere"), (await bench.RunAsync("SELECT * FROM nowhere")).Error);
        Assert.Equal(new ErrorDetails("sqlite", 1299, "NOT NULL constraint failed: t.name"), (await bench.RunAsync("INSERT INTO t VALUES (1, NULL)")).Error);
    }

    [Fact]
    public async Task A_query_reaches_no_file_but_the_one_it_was_sent_to()
    {
        using var file = new SqliteFile();
        using var journal = new SqliteFile();
        await using var bench = file.Open();
        await using var other = journal.Open();
        await bench.DoAsync("CREATE TABLE patients (id INTEGER)");
        await other.DoAsync("CREATE TABLE claims (id INTEGER)");
        var copy = file.Path + ".copy";
        string[] attempts =
        [
            $"ATTACH DATABASE '{journal.Path}' AS j; DROP TABLE j.claims",
            $"ATTACH DATABASE 'file:{journal.Path}?mode=rwc' AS j; DROP TABLE j.claims",
            $"ATTACH DATABASE '{copy}' AS c; CREATE TABLE c.t AS SELECT * FROM patients",
            $"VACUUM INTO '{copy}'",
        ];
        foreach (var attempt in attempts)
        {
            var result = await bench.RunAsync(new QueryCommand(attempt) { ExecutionMode = ExecutionMode.NonQuery });
            Assert.Equal((Ending.Failed, Executed.No, 400), (result.Ending, result.Executed, result.Error?.ErrorCode));
            Assert.StartsWith("ATTACH and VACUUM are not available", result.Error?.ErrorMessage, StringComparison.Ordinal);
        }
        Assert.False(File.Exists(copy));
        Assert.Equal("0", await other.ValueAsync("SELECT count(*) FROM claims"));
    }

    [Fact]
    public async Task A_query_can_neither_load_code_nor_damage_the_file()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        Assert.Contains("load_extension", (await bench.RunAsync("SELECT load_extension('./evil')")).Error?.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("writable_schema",
            (await bench.RunAsync("PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'x'")).Error?.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal("table sqlite_master may not be modified", (await bench.RunAsync("UPDATE sqlite_master SET sql = 'x'")).Error?.ErrorMessage);
        Assert.Equal("0", await bench.ValueAsync("PRAGMA trusted_schema"));
    }

    [Fact]
    public async Task Temporary_tables_and_full_text_in_triggers_still_work()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("""
            CREATE TABLE notes (v TEXT);
            CREATE VIRTUAL TABLE found USING fts5 (v);
            CREATE TRIGGER keep AFTER INSERT ON notes BEGIN INSERT INTO found VALUES (new.v); END;
            CREATE TEMP TABLE mine (v TEXT); INSERT INTO mine VALUES ('asthma'); INSERT INTO notes SELECT v FROM mine
            """);
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM found WHERE found MATCH 'asthma'"));
    }

    [Theory]
    [InlineData("INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1)", Executed.Unknown, "1")]
    [InlineData("BEGIN; INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1); COMMIT", Executed.No, "0")]
    [InlineData("SELECT * FROM t; INSERT INTO nowhere VALUES (1)", Executed.No, "0")]
    [InlineData("SELECT abs(-9223372036854775808); INSERT INTO t VALUES (1)", Executed.No, "0")]
    [InlineData("INSERT INTO t VALUES (1), (NULL)", Executed.No, "0")]
    public async Task Whether_a_failed_batch_took_effect_is_known_from_its_commits(string sql, Executed executed, string left)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER NOT NULL)");
        foreach (var mode in (ExecutionMode[])[ExecutionMode.Reader, ExecutionMode.NonQuery, ExecutionMode.Scalar])
        {
            await bench.DoAsync("DELETE FROM t");
            var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode });
            Assert.Equal((mode, Ending.Failed, executed), (mode, result.Ending, result.Executed));
        }
        Assert.Equal(left, await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_transaction_left_open_is_rolled_back_and_told()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var result = await bench.RunAsync("BEGIN; INSERT INTO t VALUES (1); SELECT * FROM t");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.OpenTransaction), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task The_limit_cancels_the_statement_and_releases_its_lock()
    {
        using var file = new SqliteFile();
        var time = new ManualTime();
        await using var bench = file.Open(time);
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var running = bench.RunAsync(new QueryCommand(
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"), limit: TimeSpan.FromSeconds(5));
        while (!File.Exists(file.Path + "-journal"))
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        time.Advance(TimeSpan.FromSeconds(5));
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout), (result.Ending, result.Executed, result.Error?.Code));
        await bench.DoAsync("INSERT INTO t VALUES (1)");
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_wait_for_a_lock_ends_with_the_callers_cancel()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        using var other = new SqliteConnection($"Data Source={file.Path};Pooling=false");
        other.Open();
        using (var locks = new SqliteCommand("BEGIN EXCLUSIVE", other))
            locks.ExecuteNonQuery();
        using var cancel = new CancellationTokenSource();
        var running = bench.RunAsync(new QueryCommand("INSERT INTO t VALUES (1)"), cancel: cancel);
        Assert.False(running.IsCompleted);
        await cancel.CancelAsync();
        var result = await running;
        Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
        using (var locks = new SqliteCommand("ROLLBACK", other))
            locks.ExecuteNonQuery();
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task Statements_after_a_cancelled_one_do_not_take_effect()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER)");
        using var cancel = new CancellationTokenSource();
        var sink = new CollectingSink { OnRow = (row, _) => row == 3 ? new(cancel.CancelAsync()) : ValueTask.CompletedTask };
        var result = await bench.RunAsync(
            // More than all buffers on the way hold: the statement is still being read when its third row has arrived.
            new QueryCommand("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT hex(zeroblob(10000)) FROM n; INSERT INTO t VALUES (1)"),
            sink, cancel: cancel);
        Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task Nothing_of_a_query_is_left_for_the_next()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TEMP TABLE leak (id INTEGER); PRAGMA case_sensitive_like = ON; PRAGMA recursive_triggers = ON");
        Assert.Equal("""[{"l":1,"r":0,"t":0}]""", await bench.RowsAsync(
            "SELECT 'A' LIKE 'a' AS l, (SELECT recursive_triggers FROM pragma_recursive_triggers) AS r, (SELECT count(*) FROM sqlite_temp_master) AS t"));
    }

    [Fact]
    public async Task What_SQLite_does_not_have_is_named_with_all_other_faults()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        var result = await bench.RunAsync(new QueryCommand("p")
        {
            Type = CommandType.StoredProcedure,
            Parameters =
            [
                new("@out") { Direction = ParameterDirection.Output },
                EngineBench.Parameter("@rows", "[]", SqlType.Structured),
                EngineBench.Parameter("@day", "2026-02-30", SqlType.Date),
            ],
        });
        Assert.Equal(["command.type", "parameters.@out", "parameters.@rows", "parameters.@day"], result.Error!.Errors!.Select(e => e.Field));
        Assert.Equal(Executed.No, result.Executed);
    }

    [Fact]
    public async Task A_parameter_that_was_not_given_is_named()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        var result = await bench.RunAsync("SELECT @missing");
        Assert.Equal((Executed.No, FailureCodes.InvalidParameter), (result.Executed, result.Error?.Code));
        Assert.Contains("@missing", result.Error!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_path_is_an_error_and_makes_no_file()
    {
        var path = Path.Combine(Path.GetTempPath(), $"halo-none-{Guid.NewGuid():N}.db");
        await using var bench = new EngineBench(DatabaseEngines.Create("sqlite", $"Data Source={path}", TimeProvider.System));
        var result = await bench.RunAsync("SELECT 1");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable, 14), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Result_sets_are_counted_and_the_wanted_one_is_given()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        var sink = new CollectingSink();
        var result = await bench.RunAsync(new QueryCommand("SELECT 1 AS a; CREATE TABLE t (id); SELECT 2 AS a, 3 AS a, 4, 'x'"), sink, resultSet: 2);
        Assert.Equal("""[{"a":2,"a1":3,"4":4,"'x'":"x"}]""", sink.Json);
        Assert.Equal(2, result.ResultSets);
    }
}
