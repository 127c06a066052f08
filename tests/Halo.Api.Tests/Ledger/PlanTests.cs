using Halo.Api.Ledger;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Ledger;

/// <summary>What is asked again and again costs by what is open, not by what the ledger has ever held.</summary>
public class PlanTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_claim_and_a_Hello_look_at_what_is_open_and_not_at_the_whole_ledger(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        // All by one integrator at one site over one Link, as in a small clinic; the last of them is awaited, and so all.
        var sent = Enumerable.Range(0, 5000).Select(_ => practice.New(QueryMode.Immediate)).ToList();
        await Task.WhenAll(sent.Select(q => store.Ledger.RecordSentAsync(practice.Sent(q))));
        await store.RunAsync("UPDATE queries SET status = 'successful', deadline_at = NULL");
        await practice.AcceptAsync();
        // PostgreSQL keeps statistics by itself, in time; SQLite plans without.
        if (kind == StoreKind.Postgres)
            await store.RunAsync("ANALYZE queries");

        await UsesAsync("queries_waiting", AsyncQueue.Next, ("now", 1L));
        await UsesAsync("queries_with_link", SessionSettlements.OpenImmediates, ("session", store.NewId()));
        await UsesAsync("queries_waiting", "SELECT id FROM queries WHERE status = 'queued' AND site_id = @site AND integrator_id = @integrator",
            ("site", practice.SiteId), ("integrator", practice.IntegratorId));
        await UsesAsync("queries_kept_shorter", LedgerRetention.DueShorter, ("now", 1L));
        await UsesAsync("queries_kept_shorter", LedgerRetention.NextShorter);

        async Task UsesAsync(string index, string sql, params (string, object?)[] values)
        {
            var explain = kind == StoreKind.Sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ";
            var plan = string.Join('\n', await store.Database.ReadAsync(r => r.GetString(kind == StoreKind.Sqlite ? 3 : 0), explain + sql, [("link", practice.LinkId), .. values]));
            Assert.Contains(index, plan, StringComparison.Ordinal);
            Assert.DoesNotContain("queries_listed", plan, StringComparison.Ordinal);
        }
    }
}
