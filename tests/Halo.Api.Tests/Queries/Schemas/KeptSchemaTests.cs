using Halo.Api.Queries.Schemas;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Sites;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Schemas;

/// <summary>How long a schema that was read is kept.</summary>
public sealed class KeptSchemaTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task It_is_told_for_thirty_days_and_goes_then(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (schemas, retention) = (new SchemaStore(store.Database, store.Keys, new(), store.Time), new SchemaRetention(store.Database));
        var place = new SchemaPlace(practice.IntegratorId, practice.SiteId, "Patients");
        await PutAsync();
        store.Time.Advance(SchemaRetention.Kept - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, await ForgetAsync());
        Assert.NotNull(await schemas.FindAsync(place));
        store.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(await schemas.FindAsync(place));
        // What is read again before it goes takes its place.
        await PutAsync();
        Assert.NotNull(await schemas.FindAsync(place));
        store.Time.Advance(SchemaRetention.Kept);
        Assert.Equal(1, await ForgetAsync());
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM database_schemas"));

        Task PutAsync() => schemas.PutAsync(place, new DatabaseSchema("Patients", store.Time.GetUtcNow(), "hash", [], []), null, "{}"u8.ToArray());

        Task<int> ForgetAsync() => retention.ForgetAsync(store.Time.GetUtcNow() - SchemaRetention.Kept);
    }

    [Theory]
    [InlineData("db-1", "machine-2", 1)]
    [InlineData("db-2", "machine-1", 0)]
    public async Task It_goes_where_an_operator_confirms_another_database_and_not_another_machine(string reported, string machine, int kept)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await host.CreatePairedAsync(link.SiteId);
        var (database, schemas) = (host.Services.GetRequiredService<Database>(), host.Services.GetRequiredService<SchemaStore>());
        var integrator = Assert.Single(await database.ReadAsync(r => r.GetGuid(0), "SELECT integrator_id FROM pairings WHERE site_id = @site", ("site", link.SiteId)));
        var place = new SchemaPlace(integrator, link.SiteId, "Patients");
        await schemas.PutAsync(place, new DatabaseSchema("Patients", TimeProvider.System.GetUtcNow(), "hash", [], []), null, "{}"u8.ToArray());
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { MachineId = machine, Sites = [link.Site with { DatabaseIdentity = reported }] });
        Assert.NotNull(await schemas.FindAsync(place));
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/confirm");
        Assert.Equal(kept == 1, await schemas.FindAsync(place) is not null);
    }
}
