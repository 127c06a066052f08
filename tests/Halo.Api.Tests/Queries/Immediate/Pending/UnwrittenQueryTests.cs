using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

/// <summary>An immediate query that the service has sent and not written yet. Its clock stands still, so that the sweep never comes.</summary>
public class UnwrittenQueryTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Whoever_looks_for_it_finds_it(StoreKind kind)
    {
        await using var world = await World.StartAsync(kind, postgres);
        foreach (var look in (Func<Guid, Task<HttpResponseMessage>>[])
        [
            id => world.Site.SendAsync(HttpMethod.Get, $"/{id}"),
            _ => world.Site.SendAsync(HttpMethod.Get),
            id => world.Site.SendAsync(HttpMethod.Post, "/status", $$"""{ "queryIds": ["{{id}}"] }"""),
            _ => world.Host.SendAsync(HttpMethod.Get, "/admin/v1/queries", adminKey: ApiHost.AdminKey),
        ])
        {
            var (asked, id) = await world.AskAsync();
            Assert.Null(await world.StatusAsync(id));
            using var found = await look(id);
            Assert.Equal(200, (int)found.StatusCode);
            Assert.Contains($"{id}", await found.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal("executing", await world.StatusAsync(id));
            Assert.Equal(200, await world.AnswerAsync(asked, id));
            Assert.Equal("successful", await world.StatusAsync(id));
        }
    }

    [Theory, OnBothStores]
    public async Task It_can_be_cancelled(StoreKind kind)
    {
        await using var world = await World.StartAsync(kind, postgres);
        var (asked, id) = await world.AskAsync();
        Assert.Null(await world.StatusAsync(id));
        Assert.Equal(QueryStatus.Executing, (await world.Site.CancelAsync(id)).Query.Status);
        Assert.Equal(id, (await world.Site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        await world.Site.Link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));
        using var response = await asked;
        Assert.Equal((QueryStatus.Cancelled, Executed.No), await response.QueryAsync() is var q ? (q.Status, q.Executed) : default);
        Assert.Equal("cancelled", await world.StatusAsync(id));
    }

    [Theory, OnBothStores]
    public async Task A_Hello_judges_it_by_what_the_run_holds(StoreKind kind)
    {
        await using var world = await World.StartAsync(kind, postgres);
        var (held, heldId) = await world.AskAsync();
        var (lost, lostId) = await world.AskAsync();
        Assert.Null(await world.StatusAsync(heldId));
        await world.Site.Link.BreakAsync();
        await world.Site.Link.ConnectAsync(world.Site.Link.Hello() with { Immediates = [heldId] });
        using (var response = await lost)
            Assert.Equal((503, Executed.No, FailureCodes.NeverSent), await EndAsync(response));
        Assert.Equal("executing", await world.StatusAsync(heldId));
        await world.Site.Link.TellAsync(heldId, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using (var response = await held)
            Assert.Equal(200, (int)response.StatusCode);
        // The run that was told to forget it has no more to say of it.
        await world.Site.Link.TellAsync(lostId, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });

        var (third, thirdId) = await world.AskAsync();
        await world.Site.Link.BreakAsync();
        await world.Site.Link.ConnectAsync(world.Site.Link.Hello() with { RunId = Guid.NewGuid(), RunsBefore = [world.Site.Link.RunId], Immediates = [thirdId] });
        using (var response = await third)
            Assert.Equal((504, Executed.Unknown, FailureCodes.LinkLost), await EndAsync(response));
        Assert.Equal("executionFailed", await world.StatusAsync(lostId));
    }

    [Theory, OnBothStores]
    public async Task Its_end_is_recorded_whatever_an_operator_takes_away_meanwhile(StoreKind kind)
    {
        await using var world = await World.StartAsync(kind, postgres);
        foreach (var take in (Func<Task>[])
        [
            () => world.Host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{world.IntegratorId}", """{ "enabled": false }"""),
            () => world.Host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{world.IntegratorId}/pairings/{world.Site.Link.SiteId}", adminKey: ApiHost.AdminKey),
            () => world.Host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{world.IntegratorId}", adminKey: ApiHost.AdminKey),
            () => world.Host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{world.Site.Link.SiteId}"),
        ])
        {
            var (asked, id) = await world.AskAsync();
            Assert.Null(await world.StatusAsync(id));
            await take();
            // What its caller may still see of it is another's to say.
            await world.AnswerAsync(asked, id);
            Assert.Equal("successful", await world.StatusAsync(id));
            await world.RenewAsync();
        }
        var (last, lastId) = await world.AskAsync();
        await world.Host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{world.Site.Link.LinkId}/revoke");
        using var response = await last;
        Assert.Equal((504, Executed.Unknown, FailureCodes.LinkLost), await EndAsync(response));
        Assert.Equal("executionFailed", await world.StatusAsync(lastId));
    }

    [Theory, OnBothStores]
    public async Task It_is_written_when_the_service_stops_and_the_next_one_judges_it(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var host = await ApiHost.StartAsync(time, store.Settings);
        var world = new World(host, await PairedSite.CreateAsync(host));
        var (asked, id) = await world.AskAsync();
        Assert.Null(await world.StatusAsync(id));
        var (link, path, key) = (world.Site.Link, world.Site.Path, world.Site.Key);
        await host.Services.GetRequiredService<PendingQueries>().DisposeAsync();
        Assert.Equal("executing", await world.StatusAsync(id));
        // What waits for queries under way waits by this clock.
        var stopping = host.DisposeAsync().AsTask();
        await Eventually.BecomesAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(stopping.IsCompleted);
        }, isOver => isOver);
        await stopping;
        // Its caller went with the service.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked).WaitAsync(Eventually.Limit);

        await using var next = await ApiHost.StartAsync(store.Settings);
        await using var same = link.Clone(next);
        same.RunId = link.RunId;
        await same.ConnectAsync(same.Hello() with { Immediates = [id] });
        await same.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Sqlite, 1, "no such table") });
        await Until.TrueAsync(async () =>
        {
            using var found = await next.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
            return (await found.QueryAsync()) is { Status: QueryStatus.ExecutionFailed, Executed: Executed.No };
        });
    }

    static async Task<(int, Executed?, string?)> EndAsync(HttpResponseMessage response)
    {
        var query = await response.QueryAsync();
        return ((int)response.StatusCode, query.Executed, query.ErrorDetails?.Code);
    }

    sealed class World(ApiHost host, PairedSite site) : IAsyncDisposable
    {
        public ApiHost Host => host;

        public PairedSite Site { get; private set; } = site;

        public Guid IntegratorId { get; private set; }

        public static async Task<World> StartAsync(StoreKind kind, SharedPostgres postgres)
        {
            var host = await StoreHost.StartAsync(kind, postgres, new ManualTime(DateTimeOffset.UtcNow));
            return new(host, await PairedSite.CreateAsync(host));
        }

        /// <summary>Another Link, site and integrator.</summary>
        public async Task RenewAsync()
        {
            await Site.DisposeAsync();
            Site = await PairedSite.CreateAsync(host);
        }

        public async Task<(Task<HttpResponseMessage> Asked, Guid Id)> AskAsync()
        {
            var asked = Site.AskAsync();
            var (id, _) = await Site.Link.ExpectExecuteAsync();
            IntegratorId = host.Services.GetRequiredService<PendingQueries>().Find(id)!.Sent.Query.IntegratorId;
            return (asked, id);
        }

        public async Task<int> AnswerAsync(Task<HttpResponseMessage> asked, Guid id)
        {
            await Site.Link.AnswerWholeAsync(id, """[{"n":1}]""", 1);
            using var response = await asked;
            return (int)response.StatusCode;
        }

        /// <summary>As the store has it; null: it has nothing of it.</summary>
        public async Task<string?> StatusAsync(Guid id) => (await host.Services.GetRequiredService<Database>()
            .ReadAsync(r => r.GetString(0), "SELECT status FROM queries WHERE id = @id", ("id", id))).SingleOrDefault();

        public async ValueTask DisposeAsync()
        {
            await Site.DisposeAsync();
            await host.DisposeAsync();
        }
    }
}
