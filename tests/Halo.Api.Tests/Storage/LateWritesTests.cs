using System.Collections.Concurrent;
using Halo.Api.Links.Sessions;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Storage;

/// <summary>What nobody waits for is not lost where the store is away for a while.</summary>
public class LateWritesTests(SharedPostgres postgres)
{
    [Fact]
    public async Task What_a_store_that_is_away_did_not_take_is_written_once_it_is_back_and_only_the_last_of_each_key()
    {
        var away = true;
        var stored = new ConcurrentQueue<string>();
        var late = new LateWrites(statement =>
        {
            if (Volatile.Read(ref away))
                return Task.FromException<int>(new StorageException("away"));
            stored.Enqueue(statement.Sql);
            return Task.FromResult(1);
        });
        late.Add("a", new("a1"));
        late.Add("b", new("b1"));
        late.Add("a", new("a2"));
        Assert.Equal(2, late.Waiting);
        Volatile.Write(ref away, false);
        late.Add("c", new("c1"));
        await Eventually.BecomesAsync(() => Task.FromResult(late.Waiting), n => n == 0);
        Assert.Equal(["a2", "b1", "c1"], stored.Order());
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(1000, false)]
    public async Task A_stop_writes_what_is_left_at_once_as_long_as_the_store_takes_it(int failures, bool isStored)
    {
        var stored = new ConcurrentQueue<string>();
        var late = new LateWrites(statement =>
        {
            // The first is the write itself, the others those of the stop.
            if (Interlocked.Decrement(ref failures) >= 0)
                return Task.FromException<int>(new StorageException("the connection was lost"));
            stored.Enqueue(statement.Sql);
            return Task.FromResult(1);
        });
        late.Add("a", new("a1"));
        await late.FlushAsync();
        Assert.Equal(isStored ? ["a1"] : [], stored);
        Assert.Equal(isStored ? 0 : 1, late.Waiting);
    }

    [Fact]
    public async Task A_stop_right_after_a_connection_to_PostgreSQL_broke_writes_what_nobody_waits_for()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Postgres, postgres);
        var node = store.OpenAgain();
        await node.CommitAsync(new("INSERT INTO master_keys (key_id, created_at) VALUES ('a', 0)"));
        await store.Database.ReadAsync(r => r.GetBoolean(0), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        node.CommitLater("b", new("INSERT INTO master_keys (key_id, created_at) VALUES ('b', 0)"));
        await node.DisposeAsync();
        Assert.Equal(2, await store.CountAsync("SELECT COUNT(*) FROM master_keys"));
    }

    [Fact]
    public async Task What_is_given_while_an_older_one_is_on_its_way_is_written_after_it_and_the_older_one_never_again()
    {
        var first = new TaskCompletionSource<int>();
        var stored = new ConcurrentQueue<string>();
        var late = new LateWrites(statement =>
        {
            stored.Enqueue(statement.Sql);
            return statement.Sql == "a1" ? first.Task : Task.FromResult(1);
        });
        late.Add("a", new("a1"));
        late.Add("a", new("a2"));
        first.SetException(new StorageException("away"));
        await Eventually.BecomesAsync(() => Task.FromResult(late.Waiting), n => n == 0);
        Assert.Equal(["a1", "a2"], stored);
    }

    [Fact]
    public void What_the_store_refuses_as_such_is_not_given_to_it_again()
    {
        var given = 0;
        var late = new LateWrites(_ =>
        {
            given++;
            return Task.FromException<int>(new InvalidOperationException("a foreign key is missing"));
        });
        late.Add("a", new("a1"));
        Assert.Equal((0, 1), (late.Waiting, given));
    }

    [Theory]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(101)]
    public async Task An_outage_keeps_so_many_and_of_these_every_newer_word(int given)
    {
        var away = true;
        var stored = new ConcurrentQueue<string>();
        var late = new LateWrites(statement =>
        {
            if (Volatile.Read(ref away))
                return Task.FromException<int>(new StorageException("away"));
            stored.Enqueue(statement.Sql);
            return Task.FromResult(1);
        }, most: 100);
        for (var i = 0; i < given; i++)
            late.Add(i, new("first"));
        late.Add(0, new("newer"));
        var kept = Math.Min(given, 100);
        Assert.Equal(kept, late.Waiting);
        Volatile.Write(ref away, false);
        await Eventually.BecomesAsync(() => Task.FromResult(late.Waiting), n => n == 0);
        Assert.Equal((kept - 1, 1), (stored.Count(s => s == "first"), stored.Count(s => s == "newer")));
    }

    [Fact]
    public async Task What_a_full_disk_did_not_take_is_written_when_there_is_room()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        await store.RunAsync("CREATE TABLE blobs (data BLOB NOT NULL)");
        Task LimitAsync(long pages) => store.Database.WriteAsync(t => t.ReadAsync(r => r.GetInt64(0), $"PRAGMA max_page_count = {pages}"));
        await LimitAsync(20);
        store.Database.CommitLater("blob", new("INSERT INTO blobs (data) VALUES (@data)", ("data", new byte[1_000_000])));
        await Eventually.BecomesAsync(() => Task.FromResult(store.Database.RefusesWrites), refuses => refuses);
        Assert.Equal(1, store.Database.WaitingLater);
        await LimitAsync(1_000_000);
        await Eventually.BecomesAsync(() => Task.FromResult(store.Database.WaitingLater), n => n == 0);
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM blobs"));
    }

    [Fact]
    public async Task A_session_that_ends_while_PostgreSQL_is_away_stands_as_ended_once_it_is_back()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync();
        var directory = Directory.CreateTempSubdirectory("halo-late-");
        await using (var host = await ApiHost.StartAsync(
            $"Halo:DataDirectory={directory.FullName}", $"Halo:Storage:ConnectionString={await server.CreateDatabaseAsync()}",
            $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}"))
        {
            var database = host.Services.GetRequiredService<Database>();
            await using var link = new SimulatedLink(host);
            await link.StartAsync();
            await Eventually.BecomesAsync(() => CountAsync("SELECT COUNT(*) FROM link_sessions"), n => n == 1);
            await server.StopAsync();
            await link.Line.CloseAsync(LineCloseReason.LinkStopping);
            var sessions = host.Services.GetRequiredService<LinkSessions>();
            await Eventually.BecomesAsync(() => Task.FromResult(sessions.Find(link.LinkId) is null && database.WaitingLater >= 3 && database.RefusesWrites), unwritten => unwritten);
            await server.StartAgainAsync();
            await Eventually.BecomesAsync(() => Task.FromResult(database.WaitingLater), n => n == 0);
            Assert.Equal(0, await CountAsync("SELECT COUNT(*) FROM link_sessions"));
            Assert.Equal(1, await CountAsync("SELECT COUNT(*) FROM links WHERE closed_in_order"));
            Assert.Equal(["offline"], await database.ReadAsync(r => r.GetString(0), "SELECT contact FROM site_contacts ORDER BY at DESC LIMIT 1"));

            async Task<long> CountAsync(string sql) => (await database.ReadAsync(r => r.GetInt64(0), sql))[0];
        }
        directory.Delete(recursive: true);
    }

    [Fact]
    public async Task A_PostgreSQL_that_stands_still_does_not_keep_the_service_from_ending()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync();
        var directory = Directory.CreateTempSubdirectory("halo-late-");
        // The driver's own limits would end it, too; ours are sooner.
        var host = await ApiHost.StartAsync(
            $"Halo:DataDirectory={directory.FullName}", $"Halo:Storage:ConnectionString={await server.CreateDatabaseAsync()};Timeout=600;Command Timeout=600",
            $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}");
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        server.Freeze();
        try
        {
            await host.DisposeAsync().AsTask().WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        }
        finally
        {
            server.Thaw();
        }
        directory.Delete(recursive: true);
    }
}
