using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;

namespace Halo.Client.Tests.Programs;

/// <summary>What a developer does first, on each engine.</summary>
public abstract class QueryTests(House house)
{
    sealed record Numbered(long Id, string Name, decimal Amount, long? Third);

    Practice Practice => house.Practice;

    HaloSite Site => Practice.Site;

    bool IsPostgres => Practice.Engine == "postgres";

    [Fact]
    public async Task A_site_is_found_by_the_practices_id_and_one_that_is_not_there_is_null()
    {
        var site = await Practice.Client.Sites.FindAsync("Zedmed", "1");
        Assert.Equal((Practice.Info.Id, "Test Practice"), (site!.Id, site.Info!.Name));
        Assert.Null(await Practice.Client.Sites.FindAsync("Zedmed", "nobody's & nothing"));
        Assert.Equal(site.Id, (await Practice.Client.Sites.GetAsync(site.Id)).Id);
        Assert.Equal("NotFound", (await Assert.ThrowsAsync<HaloException>(() => Practice.Client.Sites.GetAsync(Guid.NewGuid()))).Code);
        Assert.Equal(site.Id, (await Practice.Client.Sites.PairAsync("Zedmed", "1", null)).Id);
        Assert.True((await Practice.Client.GetLimitsAsync()).Page > 0);
    }

    [Fact]
    public async Task All_sites_that_one_is_paired_with_are_listed()
    {
        var site = Assert.Single(await ListAsync(Practice.Client.Sites.ListAsync()));
        Assert.Equal((Practice.Info.Id, "Test Practice", true), (site.Id, site.Info!.Name, site.Info.Authoritative));
        Assert.Equal(1, await site.ScalarAsync<int>($"SELECT 1"));
        Assert.Single(await ListAsync(Practice.Client.Sites.ListAsync(SiteAvailability.Online, SiteStatus.Active, site.Info.CreatedAt)));
        Assert.Empty(await ListAsync(Practice.Client.Sites.ListAsync(SiteAvailability.Unreachable)));
        Assert.Empty(await ListAsync(Practice.Client.Sites.ListAsync(status: SiteStatus.Removed)));
        Assert.Empty(await ListAsync(Practice.Client.Sites.ListAsync(changedSince: site.Info.CreatedAt.AddYears(1))));

        static async Task<List<HaloSite>> ListAsync(IAsyncEnumerable<HaloSite> sites)
        {
            var all = new List<HaloSite>();
            await foreach (var one in sites)
                all.Add(one);
            return all;
        }
    }

    [Fact]
    public async Task A_write_whose_caller_cancels_is_stopped_at_the_practice_and_leaves_nothing()
    {
        await Practice.CreateWrittenAsync();
        using var leave = new CancellationTokenSource();
        var slow = Practice.SlowWrite(1, seconds: 50);
        var writing = Site.ExecuteAsync(slow, cancellationToken: leave.Token);
        await Practice.WhenBusyAsync();
        await leave.CancelAsync();
        var cancelled = await Assert.ThrowsAsync<HaloCanceledException>(() => writing);
        await Practice.WhenIdleAsync();
        Assert.Equal(0, await Practice.CountWrittenAsync(1));
        var told = await Assert.ThrowsAsync<HaloException>(() => Site.ExecuteAsync(slow, new() { IdempotencyKey = cancelled.IdempotencyKey }));
        Assert.Equal((FailureCodes.CancelledByIntegrator, Executed.No), (told.Code, told.Executed));
    }

    [Fact]
    public async Task Results_are_removed_before_their_time()
    {
        var query = await Site.QueueAsync(HaloCommand.Text(Practice.Numbers(10)));
        await query;
        await query.RemoveResultsAsync();
        await query.RemoveResultsAsync();
        var gone = await Assert.ThrowsAsync<HaloException>(async () =>
        {
            await foreach (var _ in query.ReadAsync<Numbered>())
                Assert.Fail("No row is kept.");
        });
        Assert.Equal("Gone", gone.Code);
        Assert.Equal(10, (await query.GetAsync()).Result!.Rows);
        Assert.Equal("NotFound", (await Assert.ThrowsAsync<HaloException>(() => Site.Resume(Guid.NewGuid()).RemoveResultsAsync())).Code);
    }

    [Fact]
    public async Task Values_go_to_the_database_and_come_back_whole()
    {
        await Site.ExecuteAsync($"CREATE TABLE kept (id bigint, name text, at timestamp, born date, amount numeric(38,3), bits {(IsPostgres ? (FormattableString)$"bytea" : $"blob")}, flag boolean)");
        var name = "O'Connor \"Zoë\" 😀 \\ {0} @p0";
        var at = new DateTime(2026, 3, 5, 14, 30, 0, 123);
        Assert.Equal(1, await Site.ExecuteAsync($"INSERT INTO kept VALUES ({long.MaxValue}, {name}, {at}, {new DateOnly(1969, 6, 8)}, {123.456m}, {new byte[] { 0, 255 }}, {true})"));
        Assert.Equal(1, await Site.ExecuteAsync($"INSERT INTO kept (id) VALUES ({2})"));

        var rows = await Site.QueryAsync<(long, string?, DateTime?, DateOnly?, decimal?, byte[]?, bool?)>($"SELECT * FROM kept WHERE id IN ({new[] { 2L, long.MaxValue }}) ORDER BY id DESC");
        Assert.Equal((long.MaxValue, name, at, new DateOnly(1969, 6, 8), 123.456m, true), (rows[0].Item1, rows[0].Item2, rows[0].Item3, rows[0].Item4, rows[0].Item5, rows[0].Item7));
        Assert.Equal(new byte[] { 0, 255 }, rows[0].Item6);
        Assert.Equal((2, null, null, null, null, null, null), rows[1]);
        Assert.Empty(await Site.QueryAsync<Numbered>($"SELECT id FROM kept WHERE id = {3}"));
        Assert.Equal(2, await Site.ExecuteAsync($"DELETE FROM kept"));
    }

    [Fact]
    public async Task A_scalar_is_the_first_value_and_none_is_null()
    {
        Assert.Equal(7, await Site.ScalarAsync<int>($"SELECT {7} UNION ALL SELECT 8"));
        Assert.Null(await Site.ScalarAsync<string>($"SELECT 'x' WHERE 1 = 0"));
        Assert.Null(await Site.ScalarAsync<int?>($"SELECT NULL"));
        await Assert.ThrowsAsync<HaloMappingException>(() => Site.ScalarAsync<int>($"SELECT 1 WHERE 1 = 0"));
        await Assert.ThrowsAsync<HaloMappingException>(() => Site.ScalarAsync<int>($"SELECT NULL"));
    }

    [Fact]
    public async Task A_stream_gives_every_row_in_order_beyond_the_limit_of_an_answer()
    {
        const int Rows = 200_000;
        var sql = HaloCommand.Text(Practice.Numbers(Rows));
        var count = 0;
        await foreach (var row in Site.StreamAsync<Numbered>(sql))
        {
            count++;
            Assert.Equal(new Numbered(count, $"Patient {count}", count * 0.25m, count % 3 == 0 ? count : null), row);
        }
        Assert.Equal(Rows, count);
        var tooLarge = await Assert.ThrowsAsync<HaloException>(() => Site.QueryAsync<Numbered>(sql));
        Assert.Equal((FailureCodes.ResultTooLarge, Executed.Yes, false), (tooLarge.Code, tooLarge.Executed, tooLarge.IsTransient));
    }

    [Fact]
    public async Task Who_leaves_a_stream_or_a_reading_query_stops_it_at_the_practice()
    {
        await foreach (var row in Site.StreamAsync<JsonElement>(HaloCommand.Text(Practice.Numbers(2_000_000_000))))
        {
            if (row.GetProperty("id").GetInt64() == 1000)
                break;
        }
        await Practice.WhenIdleAsync();

        using var leave = new CancellationTokenSource();
        var running = Site.ScalarAsync<long>(HaloCommand.Text("SELECT COUNT(*) FROM (" + Practice.Numbers(2_000_000_000) + ") AS x"), cancellationToken: leave.Token);
        await Practice.WhenBusyAsync();
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Practice.WhenIdleAsync();
    }

    [Fact]
    public async Task The_databases_error_is_told_in_its_own_words_and_numbers()
    {
        var error = await Assert.ThrowsAsync<HaloException>(() => Site.QueryAsync<int>($"SELECT missing FROM nowhere"));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.Equal((Executed.No, false), (error.Executed, error.IsTransient));
        Assert.NotNull(error.QueryId);
        if (IsPostgres)
            Assert.Equal(("pgsql", "42P01", null), (error.ErrorType, error.SqlState, error.ErrorNumber));
        else
            Assert.Equal(("sqlite", null, 1), (error.ErrorType, error.SqlState, error.ErrorNumber));
        var streamed = await Assert.ThrowsAsync<HaloException>(async () =>
        {
            await foreach (var _ in Site.StreamAsync<int>($"SELECT missing FROM nowhere"))
                Assert.Fail("No row was there.");
        });
        Assert.Equal(error.Message, streamed.Message);
        var faulty = await Assert.ThrowsAsync<HaloException>(() => Site.QueryAsync<int>($"SELECT 1", new() { Catalogue = "none of them" }));
        Assert.Equal(("InvalidRequest", "catalogue", Executed.No), (faulty.Code, faulty.Errors.Single().Field, faulty.Executed));
        Assert.NotNull(faulty.TraceId);
    }

    [Fact]
    public async Task An_async_query_is_awaited_saved_and_read_in_another_process()
    {
        const int Rows = 20_000;
        var queued = await Site.QueueAsync(HaloCommand.Text(Practice.Numbers(Rows)), options: new() { Tag = "nightly" });
        var ended = await queued;
        Assert.Equal((QueryStatus.Successful, Rows, "nightly"), (ended.Status, ended.Result!.Rows, ended.Tag));
        Assert.InRange(ended.Result.Pages!.Count, 5, 1000);

        using var other = Practice.MakeClient();
        var resumed = other.Sites.At(queued.SiteId).Resume(queued.Id);
        var count = 0;
        await foreach (var row in resumed.ReadAsync<Numbered>())
            Assert.Equal(new Numbered(++count, $"Patient {count}", count * 0.25m, count % 3 == 0 ? count : null), row);
        Assert.Equal(Rows, count);
        // Who stops half-way leaves nothing behind.
        await foreach (var _ in resumed.ReadAsync<JsonElement>())
            break;
        await Assert.ThrowsAsync<HaloMappingException>(async () =>
        {
            await foreach (var _ in resumed.ReadAsync<int>())
                Assert.Fail("No row fits.");
        });
    }

    [Fact]
    public async Task An_async_query_that_is_cancelled_or_fails_says_so_when_it_is_awaited()
    {
        var endless = await Site.QueueAsync(HaloCommand.Text("SELECT COUNT(*) FROM (" + Practice.Numbers(2_000_000_000) + ") AS x"));
        await Eventually.BecomesAsync(() => endless.GetAsync(), q => q.Status == QueryStatus.Executing);
        await endless.CancelAsync();
        var cancelled = await Assert.ThrowsAsync<HaloException>(() => endless.WaitAsync());
        Assert.Equal((FailureCodes.CancelledByIntegrator, endless.Id), (cancelled.Code, cancelled.QueryId));

        var failed = await Site.QueueAsync($"SELECT missing FROM nowhere");
        Assert.Equal(Executed.No, (await Assert.ThrowsAsync<HaloException>(async () => await failed)).Executed);
        Assert.Equal("NotFound", (await Assert.ThrowsAsync<HaloException>(() => Site.Resume(Guid.NewGuid()).GetAsync())).Code);

        var written = await (await Site.QueueAsync(HaloCommand.Text("CREATE TABLE queued (n int)"), ExecutionMode.NonQuery));
        Assert.Equal(QueryStatus.Successful, written.Status);
        await Site.ExecuteAsync($"DROP TABLE queued");
    }

    [Fact]
    public async Task A_key_of_ones_own_binds_a_command_across_clients()
    {
        await Site.ExecuteAsync($"CREATE TABLE once (n int)");
        var options = new HaloQueryOptions { IdempotencyKey = "import-4711" };
        Assert.Equal(1, await Site.ExecuteAsync($"INSERT INTO once VALUES ({1})", options));
        using var other = Practice.MakeClient();
        Assert.Equal(1, await other.Sites.At(Site.Id).ExecuteAsync($"INSERT INTO once VALUES ({1})", options));
        Assert.Equal(1, await Site.ScalarAsync<int>($"SELECT COUNT(*) FROM once"));
        var reused = await Assert.ThrowsAsync<HaloException>(() => Site.ExecuteAsync($"INSERT INTO once VALUES ({2})", options));
        Assert.Equal(("IdempotencyKeyReused", "import-4711"), (reused.Code, reused.IdempotencyKey));
    }
}

public sealed class SqliteQueryTests(SqliteHouse house) : QueryTests(house), IClassFixture<SqliteHouse>;

public sealed class PostgresQueryTests(PostgresHouse house) : QueryTests(house), IClassFixture<PostgresHouse>;
