using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Admission;

public class BoundsTests(SharedPostgres postgres)
{
    [Fact]
    public void Immediate_queries_under_way_are_bounded_for_each_site_and_whole()
    {
        using var bound = new SiteBound(perSite: 2, most: 3, TimeProvider.System);
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal([BoundMet.None, BoundMet.None, BoundMet.OfSite], [bound.TryAdd(one, out var count), bound.TryAdd(one, out _), bound.TryAdd(one, out _)]);
        Assert.Equal([BoundMet.None, BoundMet.OfAll], [bound.TryAdd(other, out _), bound.TryAdd(other, out _)]);
        bound.Remove(one, count);
        Assert.Equal(2, bound.All);
        Assert.Equal(BoundMet.None, bound.TryAdd(one, out _));
        Assert.Equal(BoundMet.OfSite, bound.TryAdd(one, out _));
    }

    [Theory, OnBothStores]
    public async Task The_queue_is_bounded_for_each_site_and_takes_again_when_there_is_room(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        // One was queued before the service started.
        await practice.AcceptAsync();
        using var queue = new SiteBound(perSite: 3, most: 4, store.Time, store.Ledger.Store.CountQueuedAsync);
        for (var i = 0; i < 2; i++)
        {
            Assert.NotNull(await queue.AddAsync(practice.SiteId));
            await practice.AcceptAsync();
        }
        Assert.Null(await queue.AddAsync(practice.SiteId));
        // Another site has room of its own, up to the bound of all.
        Assert.NotNull(await queue.AddAsync(Guid.NewGuid()));
        Assert.Null(await queue.AddAsync(Guid.NewGuid()));
        Assert.Equal(2, (await store.Ledger.ClaimAsync(practice.Session, 2)).Count);
        store.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.NotNull(await queue.AddAsync(practice.SiteId));
    }

    [Theory, OnBothStores]
    public async Task What_was_not_stored_after_all_is_taken_out_of_the_count_that_it_was_in_alone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        using var queue = new SiteBound(perSite: 2, most: 100, store.Time, store.Ledger.Store.CountQueuedAsync);
        var first = (await queue.AddAsync(practice.SiteId))!.Value;
        await practice.AcceptAsync();
        Assert.NotNull(await queue.AddAsync(practice.SiteId));
        // Counted anew, since the bound is reached: the second is not stored, and so not in the new count.
        store.Time.Advance(TimeSpan.FromSeconds(2));
        var third = (await queue.AddAsync(practice.SiteId))!.Value;
        Assert.NotEqual(first, third);
        queue.Remove(practice.SiteId, first);
        Assert.Null(await queue.AddAsync(practice.SiteId));
        queue.Remove(practice.SiteId, third);
        Assert.NotNull(await queue.AddAsync(practice.SiteId));
    }

    [Fact]
    public async Task Waits_are_bounded()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(new QueryLimits { Waiters = 1 }, store.Time);
        var first = waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default);
        Assert.Throws<RefusedException>(() => waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default));
        first.Dispose();
        waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default).Dispose();
    }

    [Theory]
    [InlineData(1024, 200)]
    [InlineData(1025, 504)]
    public async Task A_link_that_sends_more_rows_than_it_may_gives_nobody_a_part_for_the_whole(int bytes, int status)
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:ImmediateResultBytes=1024");
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, message) = await site.Link.ExpectExecuteAsync();
        Assert.Equal(1024, message.MaxResultBytes);
        await site.Link.AnswerWholeAsync(id, $"[{new string(' ', bytes - 2)}]", 0);
        using var answered = await asked;
        Assert.Equal(status, (int)answered.StatusCode);
        var query = await answered.QueryAsync();
        Assert.Equal(status == 200 ? null : Executed.Yes, query.Executed);
        Assert.Equal(status == 200, query.Result is not null);
    }

    [Fact]
    public async Task At_the_bound_callers_are_told_when_to_come_back()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:ImmediatePerSite=1", "Halo:Limits:QueuedPerSite=1");
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        using var refused = await site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.QueueFull, (await refused.ErrorAsync(503)).Code);
        Assert.NotNull(refused.Headers.RetryAfter);
        await site.Link.AnswerWholeAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal(200, (int)answered.StatusCode);

        using var queued = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(201, (int)queued.StatusCode);
        using var full = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.QueueFull, (await full.ErrorAsync(503)).Code);
        Assert.NotNull(full.Headers.RetryAfter);
    }

    [Theory, OnBothStores]
    public async Task While_the_store_is_behind_new_queries_are_refused_and_what_was_accepted_is_stored_in_the_end(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, "Halo:Limits:LedgerQueue=10");
        await using var site = await PairedSite.CreateAsync(host);
        var database = host.Services.GetRequiredService<Database>();
        // The first use of its key is written, too, and would be one of those that wait.
        (await site.SendAsync(HttpMethod.Get)).Dispose();
        await Until.TrueAsync(() => Task.FromResult(database is { Waiting: 0, WaitingLater: 0 }));
        var (begun, freed) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
        // A write that does not end: on SQLite all wait behind it, on PostgreSQL those that want the same table.
        var blocking = database.WriteAsync(async t =>
        {
            if (kind == StoreKind.Postgres)
                await t.RunAsync("LOCK TABLE queries IN EXCLUSIVE MODE");
            begun.SetResult();
            await freed.Task;
            return 0;
        });
        await begun.Task;
        // The one that blocks is among them on PostgreSQL.
        var more = kind == StoreKind.Postgres ? 1 : 0;
        var asked = new List<Task<HttpResponseMessage>>();
        while (database.Waiting < 10)
        {
            asked.Add(site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne));
            await Until.TrueAsync(() => Task.FromResult(database.Waiting >= asked.Count + more));
        }
        foreach (var path in new[] { "/async", "/immediate" })
        {
            using var refused = await site.SendAsync(HttpMethod.Post, path, PairedSite.SelectOne);
            Assert.Equal(ErrorCodes.QueueFull, (await refused.ErrorAsync(503)).Code);
            Assert.NotNull(refused.Headers.RetryAfter);
        }
        freed.SetResult();
        await blocking;
        foreach (var response in await Task.WhenAll(asked))
        {
            Assert.Equal(201, (int)response.StatusCode);
            response.Dispose();
        }
        using var again = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(201, (int)again.StatusCode);
    }

    [Theory]
    [InlineData(QueryLimits.HeaderBytes - 1000, 200)]
    [InlineData(QueryLimits.HeaderBytes + 1000, 431)]
    public async Task Headers_are_bounded_in_bytes(int bytes, int expected)
    {
        await using var host = await ApiHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live");
        foreach (var part in Enumerable.Range(0, 4))
            request.Headers.Add($"x-{part}", new string('a', bytes / 4));
        Assert.Equal(expected, await StatusAsync(host, request));
    }

    [Theory]
    [InlineData(QueryLimits.Headers - 1, 200)]
    [InlineData(QueryLimits.Headers, 431)]
    public async Task Headers_are_bounded_in_number(int beside, int expected)
    {
        await using var host = await ApiHost.StartAsync();
        // Host is one.
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live");
        for (var i = 0; i < beside; i++)
            request.Headers.Add($"x-{i}", "a");
        Assert.Equal(expected, await StatusAsync(host, request));
    }

    [Theory]
    [InlineData(QueryLimits.RequestLineBytes - 100, 200)]
    [InlineData(QueryLimits.RequestLineBytes + 100, 414)]
    public async Task The_line_of_a_request_is_bounded(int bytes, int expected)
    {
        await using var host = await ApiHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live?x=" + new string('a', bytes - "GET /health/live?x= HTTP/1.1".Length));
        Assert.Equal(expected, await StatusAsync(host, request));
    }

    [Fact]
    public async Task Connections_are_bounded_and_one_that_goes_makes_room()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:Connections=10");
        var open = new List<RawCaller>();
        for (var i = 0; i < 10; i++)
        {
            open.Add(await RawCaller.ConnectAsync(host));
            await open[^1].SendAsync("GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.True(await open[^1].ReadsAsync("\"live\""));
        }
        using (var eleventh = await RawCaller.ConnectAsync(host))
            Assert.Equal("", await eleventh.ReadToEndAsync());
        open[0].Dispose();
        await Until.TrueAsync(async () =>
        {
            using var next = await RawCaller.ConnectAsync(host);
            await next.SendAsync("GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            return (await next.ReadToEndAsync()).Contains("\"live\"", StringComparison.Ordinal);
        });
        open.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task The_bounds_are_told()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:ImmediatePerSite=7", "Halo:Limits:QueuedPerSite=8", "Halo:Limits:SlowReaderMs=900");
        var (_, key, _) = await host.CreateIntegratorAsync();
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/limits", key: key);
        var told = System.Text.Json.Nodes.JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal((7, 8, 900), ((int)told["immediatePerSite"]!, (int)told["queuedPerSite"]!, (int)told["slowReader"]!));
        Assert.Equal((8192, 32768, 100, 32768), ((int)told["requestLine"]!, (int)told["requestHeaders"]!, (int)told["requestHeaderCount"]!, (int)told["slowestRate"]!));
    }

    static async Task<int> StatusAsync(ApiHost host, HttpRequestMessage request)
    {
        using var response = await host.Client.SendAsync(request);
        return (int)response.StatusCode;
    }

    [Fact]
    public void A_disk_below_either_bound_is_low_and_recovers_by_itself()
    {
        var (free, time) = (1000L, new ManualTime());
        var space = new FreeSpace(new DiskOptions { MinFreeBytes = 100, MinFreePercent = 5 }, () => (free, 4000), time);
        space.Demand();
        free = 150;
        Assert.False(space.IsLow);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(space.IsLow);
        var refused = Assert.Throws<RefusedException>(space.Demand).Refusal;
        Assert.Equal((503, ErrorCodes.StorageFull), (refused.Status, refused.Code));
        free = 200;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(space.IsLow);
        free = 99;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(space.IsLow);
    }

    [Theory]
    [InlineData(1000, 100, 5, 800, false)]
    [InlineData(1000, 100, 5, 901, true)]
    [InlineData(100, 100, 5, 1, true)]
    [InlineData(99, 0, 5, 0, true)]
    [InlineData(101, 100, 0, 50, false)]
    [InlineData(5, 0, 0, 5, false)]
    public void A_page_is_taken_while_half_of_what_is_kept_free_remains(long free, int bytes, int percent, long page, bool refused)
    {
        var space = new FreeSpace(new DiskOptions { MinFreeBytes = bytes, MinFreePercent = percent }, () => (free, 4000), new ManualTime());
        if (!refused)
        {
            space.DemandForPage(page);
            return;
        }
        var refusal = Assert.Throws<RefusedException>(() => space.DemandForPage(page)).Refusal;
        // 5xx: its Link keeps the page and tries again.
        Assert.Equal((503, ErrorCodes.StorageFull), (refusal.Status, refusal.Code));
        Assert.NotNull(refusal.RetryAfter);
    }

    [Fact]
    public async Task A_disk_nearly_full_refuses_async_work_by_name_and_immediate_work_goes_on()
    {
        await using var host = await ApiHost.StartAsync("Halo:Disk:MinFreePercent=50", "Halo:Disk:MinFreeBytes=2147483647");
        Assert.SkipWhen(new DriveInfo(Path.GetTempPath()) is var d && d.AvailableFreeSpace > d.TotalSize / 2, "More than half of this disk is free: run it where less is.");
        await using var site = await PairedSite.CreateAsync(host);
        using var refused = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.StorageFull, (await refused.ErrorAsync(503)).Code);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerWholeAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal(200, (int)answered.StatusCode);
        Assert.Contains("\"degraded\"", await host.Client.GetStringAsync("/health/ready"), StringComparison.Ordinal);
    }
}
