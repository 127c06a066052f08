using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Ledger;

public class ListPlanTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_page_is_read_from_its_index_in_order_and_nothing_is_sorted(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var other = await practice.AddIntegratorAsync(practice.SiteId);
        // Enough of others' that a planner with statistics does not simply read the table.
        for (var i = 0; i < 20_000; i++)
            _ = store.Ledger.RecordSentAsync(practice.Sent(practice.New(QueryMode.Immediate, other)));
        for (var i = 0; i < 300; i++)
            await store.Ledger.RecordSentAsync(practice.Sent(practice.New(QueryMode.Immediate) with { Tag = i % 100 == 0 ? "rare" : null }));
        await store.RunAsync("ANALYZE queries");
        var all = new QueryFilter(practice.IntegratorId, practice.SiteId, 101);

        await UsesAsync(all, "queries_listed");
        await UsesAsync(all with { After = store.NewId() }, "queries_listed");
        await UsesAsync(all with { From = store.Now.AddDays(-1), After = store.NewId() }, "queries_listed");
        await UsesAsync(all with { Tag = "rare" }, "queries_tagged");
        Assert.Equal(3, (await store.Ledger.ListAsync(all with { Tag = "rare" })).Count);

        async Task UsesAsync(QueryFilter filter, string index)
        {
            var (sql, values) = filter.ToSql(store.Now);
            var explain = kind == StoreKind.Sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ";
            var plan = string.Join('\n', await store.Database.ReadAsync(r => r.GetString(kind == StoreKind.Sqlite ? 3 : 0), explain + sql, values));
            Assert.Contains(index, plan, StringComparison.Ordinal);
            Assert.DoesNotContain(kind == StoreKind.Sqlite ? "TEMP B-TREE" : "Sort", plan, StringComparison.Ordinal);
        }
    }
}
