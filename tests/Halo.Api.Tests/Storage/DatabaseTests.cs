using System.Data;
using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;
using Npgsql;

namespace Halo.Api.Tests.Storage;

public class DatabaseTests(SharedPostgres postgres)
{
    const string Numbers = "CREATE TABLE numbers (place BIGINT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)";

    static Statement Insert(long place, long value) =>
        new("INSERT INTO numbers (place, value) VALUES (@place, @value)", ("place", place), ("value", value));

    async Task<TestStore> StoreAsync(StoreKind kind)
    {
        var store = await TestStore.CreateAsync(kind, postgres, migrate: false);
        await store.RunAsync(Numbers);
        return store;
    }

    [Theory, OnBothStores]
    public async Task Statements_are_committed_in_the_order_of_the_calls(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        await store.Database.CommitAsync(Insert(0, 0));
        var tasks = Enumerable.Range(1, 2000).Select(i => store.Database.CommitAsync(
            new("UPDATE numbers SET value = @next WHERE place = 0 AND value = @before", ("next", (long)i), ("before", i - 1L)))).ToList();

        var rows = await Task.WhenAll(tasks);

        Assert.All(rows, r => Assert.Equal(1, r));
        Assert.Equal(2000, await store.CountAsync("SELECT value FROM numbers WHERE place = 0"));
    }

    [Theory, OnBothStores]
    public async Task A_failing_statement_fails_alone(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        // The first keeps the writer busy, so that the rest waits together.
        var tasks = Enumerable.Range(0, 100).Select(i => store.Database.CommitAsync(Insert(i == 57 ? 3 : i, i))).ToList();
        await Task.WhenAll(tasks).ContinueWith(_ => { });

        Assert.Equal([57], Enumerable.Range(0, 100).Where(i => tasks[i].IsFaulted));
        Assert.Equal(99, await store.CountAsync("SELECT COUNT(*) FROM numbers"));
        Assert.Equal(3, await store.CountAsync("SELECT value FROM numbers WHERE place = 3"));
    }

    [Theory, OnBothStores]
    public async Task A_failing_unit_is_undone_alone(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        var good = store.Database.CommitAsync(Insert(1, 1));
        var bad = store.Database.WriteAsync<int>(async t =>
        {
            await t.RunAsync(Insert(2, 2));
            throw new InvalidOperationException("no");
        });
        var alsoGood = store.Database.WriteAsync(t => t.RunAsync(Insert(3, 3)));

        await Task.WhenAll(good, alsoGood);
        await Assert.ThrowsAsync<InvalidOperationException>(() => bad);
        Assert.Equal([1L, 3L], await store.Database.ReadAsync(r => r.GetInt64(0), "SELECT place FROM numbers ORDER BY place"));
    }

    [Theory, OnBothStores]
    public async Task Many_writers_and_readers_at_once_lose_nothing(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        await store.Database.CommitAsync(Insert(0, 0));
        await Parallel.ForEachAsync(Enumerable.Range(1, 400), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, stop) =>
        {
            if (i % 2 == 0)
                await store.Database.CommitAsync(new("UPDATE numbers SET value = value + 1 WHERE place = 0"));
            else
                await store.Database.WriteAsync(t => t.RunAsync("UPDATE numbers SET value = value + 1 WHERE place = 0"), stop);
            await store.CountAsync("SELECT COUNT(*) FROM numbers");
        });
        Assert.Equal(400, await store.CountAsync("SELECT value FROM numbers WHERE place = 0"));
    }

    [Theory, OnBothStores]
    public async Task Ids_booleans_bytes_and_nulls_come_back_as_they_went_by_position_and_by_name(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres, migrate: false);
        var words = kind == StoreKind.Sqlite ? SchemaWords.Sqlite : SchemaWords.Postgres;
        await store.RunAsync(words.PutInto("CREATE TABLE things (id {uuid} NOT NULL PRIMARY KEY, yes BOOLEAN NOT NULL, other {uuid}, data {blob}, at BIGINT)"));
        var id = store.NewId();
        await store.Database.CommitAsync(new("INSERT INTO things VALUES (@id, @yes, @other, @data, @at)",
            ("id", id), ("yes", true), ("other", null), ("data", new byte[] { 1, 0, 255 }), ("at", 5L)));

        var rows = await store.Database.ReadAsync(
            r => (r.GetGuid(0), r.GetBoolean(1), r.GuidOrNull(2), Bytes: r.BytesOrNull(3), r.LongOrNull(4)), "SELECT * FROM things WHERE yes AND id = @id", ("id", id));
        Assert.Equal((id, true, null, 5L), (rows[0].Item1, rows[0].Item2, rows[0].Item3, rows[0].Item5));
        Assert.Equal([1, 0, 255], rows[0].Bytes!);

        var thing = Assert.Single(await store.Database.ReadAsync(r => (Id: r.GetGuid("id"), Yes: r.GetBoolean("yes"), Other: r.GuidOrNull(r.GetOrdinal("other")), At: r.LongOrNull("at")),
            "SELECT at, other, yes, id FROM things WHERE id = @id AND yes = @yes", ("id", id), ("yes", true)));
        Assert.Equal((id, true, null, 5L), (thing.Id, thing.Yes, thing.Other, thing.At));
    }

    [Theory, OnBothStores]
    public async Task What_the_group_commit_writes_reads_back_as_it_was(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        await store.RunAsync("CREATE TABLE kinds (place BIGINT NOT NULL PRIMARY KEY, text TEXT, number DOUBLE PRECISION, small INTEGER, yes BOOLEAN)");
        string?[] texts = ["", "a", null, "Ärztin 🦷", new string('é', 5000), "'; DROP TABLE kinds; --"];
        // One after another through the same prepared statement: nothing of the one before may stay.
        for (var i = 0; i < texts.Length; i++)
        {
            Assert.Equal(1, await store.Database.CommitAsync(new(
                "INSERT INTO kinds (place, text, number, small, yes) VALUES (@place, @text, @number, @small, @yes)",
                ("place", (long)i), ("text", texts[i]), ("number", i == 2 ? null : -0.1 * i), ("small", -i), ("yes", i % 2 == 0))));
        }

        var found = await store.Database.ReadAsync(
            r => (r.StringOrNull(0), r.DoubleOrNull(1), r.GetInt32(2), Convert.ToBoolean(r.GetValue(3))), "SELECT text, number, small, yes FROM kinds ORDER BY place");

        Assert.Equal(texts.Select((t, i) => (t, i == 2 ? (double?)null : -0.1 * i, -i, i % 2 == 0)), found);
    }

    [Theory, OnBothStores]
    public async Task An_id_of_the_group_commit_is_found_by_a_reader(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        await store.RunAsync(kind == StoreKind.Sqlite
            ? "CREATE TABLE ids (id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, bytes BLOB)"
            : "CREATE TABLE ids (id uuid NOT NULL PRIMARY KEY, bytes bytea)");
        var id = Guid.Parse("0199abcd-ef01-7abc-8def-0123456789ab");
        await store.Database.CommitAsync(new("INSERT INTO ids (id, bytes) VALUES (@id, @bytes)", ("id", id), ("bytes", new byte[] { 0, 255, 7 })));

        var found = await store.Database.ReadAsync(r => (r.GetGuid(0), Convert.ToHexString(r.BytesOrNull(1)!)), "SELECT id, bytes FROM ids WHERE id = @id", ("id", id));

        Assert.Equal([(id, "00FF07")], found);
    }

    [Fact]
    public async Task A_statement_of_SQLite_that_does_not_say_all_its_values_is_refused_alone()
    {
        await using var store = await StoreAsync(StoreKind.Sqlite);
        await store.Database.CommitAsync(Insert(1, 1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Database.CommitAsync(
            new("INSERT INTO numbers (place, value) VALUES (@place, @value)", ("place", 2L))));
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Database.CommitAsync(
            new("INSERT INTO numbers (place, value) VALUES (3, 3); DELETE FROM numbers")));
        Assert.Equal(1, await store.Database.CommitAsync(Insert(4, 4)));
        Assert.Equal(2, await store.CountAsync("SELECT COUNT(*) FROM numbers"));
    }

    [Fact]
    public async Task A_reader_of_SQLite_cannot_write()
    {
        await using var store = await StoreAsync(StoreKind.Sqlite);
        await Assert.ThrowsAnyAsync<Exception>(() => store.Database.ReadAsync(r => r.GetInt64(0), "DELETE FROM numbers"));
        await Assert.ThrowsAnyAsync<Exception>(() => store.Database.ReadAsync(r => r.GetInt64(0), "INSERT INTO numbers (place, value) VALUES (5, 5)"));
    }

    [Fact]
    public async Task SQLite_syncs_every_commit_to_a_write_ahead_log()
    {
        await using var store = await StoreAsync(StoreKind.Sqlite);
        Assert.Equal(2, await store.Database.WriteAsync(async t => (await t.ReadAsync(r => r.GetInt32(0), "PRAGMA synchronous"))[0]));
        Assert.Equal("wal", await store.Database.WriteAsync(async t => (await t.ReadAsync(r => r.GetString(0), "PRAGMA journal_mode"))[0]));
        Assert.Equal(1, await store.Database.WriteAsync(async t => (await t.ReadAsync(r => r.GetInt32(0), "PRAGMA foreign_keys"))[0]));
    }

    [Fact]
    public async Task A_unit_that_waits_for_another_write_is_told_so_instead_of_standing_still()
    {
        await using var store = await StoreAsync(StoreKind.Sqlite);
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Database.WriteAsync(_ => store.Database.CommitAsync(Insert(1, 1))));
        Assert.Equal(1, await store.Database.CommitAsync(Insert(1, 1)));
    }

    [Theory, OnBothStores]
    public async Task What_waits_when_the_store_is_closed_is_still_written(StoreKind kind)
    {
        await using var store = await StoreAsync(kind);
        var second = store.OpenAgain();
        var tasks = Enumerable.Range(0, 300).Select(i => second.CommitAsync(Insert(i, i))).ToList();
        await second.DisposeAsync();
        await Task.WhenAll(tasks);
        Assert.Equal(300, await store.CountAsync("SELECT COUNT(*) FROM numbers"));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => second.CommitAsync(Insert(1000, 0)));
    }

    [Fact]
    public async Task After_a_lost_connection_PostgreSQL_is_written_again()
    {
        await using var store = await StoreAsync(StoreKind.Postgres);
        await store.Database.CommitAsync(Insert(1, 1));
        await store.Database.ReadAsync(r => r.GetBoolean(0), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        await Assert.ThrowsAsync<StorageException>(() => store.Database.CommitAsync(Insert(2, 2)));
        Assert.Equal(1, await store.Database.CommitAsync(Insert(3, 3)));
    }

    [Fact]
    public async Task After_a_restart_of_PostgreSQL_everything_works_again()
    {
        await using var server = await Halo.Testing.PostgresServer.StartAsync();
        await using var database = new PostgresDatabase(await server.CreateDatabaseAsync(), TimeProvider.System);
        await database.WriteAsync(t => t.RunAsync(Numbers));
        await database.CommitAsync(Insert(1, 1));
        await server.StopAsync();
        await Assert.ThrowsAsync<StorageException>(() => database.CommitAsync(Insert(2, 2)));
        await Assert.ThrowsAsync<StorageException>(() => database.WriteAsync(t => t.RunAsync(Insert(3, 3))));
        await server.StartAgainAsync();

        Assert.Equal(1, await database.CommitAsync(Insert(4, 4)));
        await Assert.ThrowsAnyAsync<Exception>(() => database.WriteAsync(t => t.RunAsync(Insert(4, 4))));
        Assert.Equal([1L, 4L], await database.ReadAsync(r => r.GetInt64(0), "SELECT place FROM numbers ORDER BY place"));
    }

    [Fact]
    public async Task A_disk_that_was_full_for_a_while_costs_only_what_it_hit()
    {
        await using var store = await StoreAsync(StoreKind.Sqlite);
        await store.RunAsync("CREATE TABLE blobs (data BLOB NOT NULL)");
        Task LimitAsync(long pages) => store.Database.WriteAsync(t => t.ReadAsync(r => r.GetInt64(0), $"PRAGMA max_page_count = {pages}"));
        await LimitAsync(20);
        var big = store.Database.CommitAsync(new("INSERT INTO blobs (data) VALUES (@data)", ("data", new byte[1_000_000])));
        await Assert.ThrowsAnyAsync<Exception>(() => big);
        await LimitAsync(1_000_000);

        Assert.Equal(1, await store.Database.CommitAsync(Insert(1, 1)));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM blobs"));
    }

    [Fact]
    public async Task Units_that_wait_for_each_other_on_PostgreSQL_both_succeed()
    {
        await using var store = await StoreAsync(StoreKind.Postgres);
        await store.Database.CommitAsync(Insert(1, 0));
        await store.Database.CommitAsync(Insert(2, 0));
        var both = new Barrier(2);
        var met = 0;
        Task<int> Unit(long first, long second) => Task.Run(() => store.Database.WriteAsync(async t =>
        {
            await t.RunAsync("UPDATE numbers SET value = value + 1 WHERE place = @place", ("place", first));
            if (Interlocked.Increment(ref met) <= 2)
                both.SignalAndWait();
            return await t.RunAsync("UPDATE numbers SET value = value + 1 WHERE place = @place", ("place", second));
        }));
        await Task.WhenAll(Unit(1, 2), Unit(2, 1));
        Assert.Equal(4, await store.CountAsync("SELECT SUM(value) FROM numbers"));
    }

    [Fact]
    public async Task A_refused_statement_carries_the_servers_own_exception()
    {
        await using var store = await StoreAsync(StoreKind.Postgres);
        await store.Database.CommitAsync(Insert(1, 1));
        var e = await Assert.ThrowsAsync<PostgresException>(() => store.Database.CommitAsync(Insert(1, 1)));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, e.SqlState);
    }

    [Fact]
    public async Task A_connection_that_may_not_be_used_yet_goes_back_to_the_pool()
    {
        var connectionString = await (await postgres.GetAsync()).CreateDatabaseAsync();
        await using var serving = new PostgresDatabase($"{connectionString};Maximum Pool Size=2;Timeout=5;Options=-c lock_timeout=50", TimeProvider.System);
        await using (var settling = new PostgresDatabase(connectionString, TimeProvider.System))
        await using (await settling.AloneAsync())
        {
            for (var i = 0; i < 3; i++)
            {
                // The server's own word: none about a pool that has no more.
                var refused = await Assert.ThrowsAsync<StorageException>(() => serving.CommitAsync(new("SELECT 1")));
                Assert.Equal(PostgresErrorCodes.LockNotAvailable, Assert.IsType<PostgresException>(refused.InnerException).SqlState);
            }
        }
        await serving.CommitAsync(new("SELECT 1"));
    }
}
