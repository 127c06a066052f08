using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Results.Retention;

public class RetentionHoursTests(SharedPostgres postgres)
{
    const string Ask = """{ "retentionHours": HOURS, "command": { "text": "SELECT 1" } }""";

    [Theory]
    [InlineData("async", "1", true)]
    [InlineData("async", "12", true)]
    [InlineData("async", "null", true)]
    [InlineData("async", "13", false)]
    [InlineData("async", "0", false)]
    [InlineData("async", "-1", false)]
    [InlineData("async", "1.5", false)]
    [InlineData("async", "\"2\"", false)]
    [InlineData("async", "[]", false)]
    [InlineData("immediate", "1", false)]
    [InlineData("immediate", "null", true)]
    public async Task From_one_hour_to_the_services_own_and_of_async_queries_alone(string mode, string hours, bool isTaken)
    {
        await using var host = await ApiHost.StartAsync("Halo:Results:RetentionHours=12");
        await using var site = await PairedSite.CreateAsync(host);
        var body = Ask.Replace("HOURS", hours, StringComparison.Ordinal);
        foreach (var (path, sent) in ((string, string)[])[($"/{mode}", body), ("", body.Replace("{ \"ret", $"{{ \"mode\": \"{mode}\", \"ret", StringComparison.Ordinal))])
        {
            var asked = site.SendAsync(HttpMethod.Post, path, sent);
            if (isTaken && mode == "immediate")
                await site.Link.AnswerAsync((await site.Link.ExpectExecuteAsync()).QueryId, "[]", 0);
            using var response = await asked;
            if (!isTaken)
            {
                Assert.Equal("retentionHours", Assert.Single((await response.ErrorAsync(400)).Errors!).Field);
                continue;
            }
            var query = await response.QueryAsync();
            int? expected = hours == "null" ? null : int.Parse(hours, System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal((expected, expected), (query.RetentionHours, (await site.GetAsync(query.Id)).RetentionHours));
        }
    }

    [Theory, OnBothStores]
    public async Task Results_go_at_their_own_hour_and_the_others_at_theirs(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await using var watch = Watch(store, new());
        await watch.StartAsync(TestContext.Current.CancellationToken);
        var (shorter, other) = (await EndAsync(store, practice, 2), await EndAsync(store, practice, null));
        var ended = store.Now;
        await Until.TrueAsync(async () =>
        {
            store.Time.Advance(TimeSpan.FromMinutes(10));
            return !(await practice.FindAsync(shorter)).IsKept;
        });
        Assert.True(store.Now >= ended.AddHours(2));
        Assert.True((await practice.FindAsync(other)).IsKept);
        await Until.TrueAsync(async () =>
        {
            store.Time.Advance(TimeSpan.FromMinutes(30));
            return !(await practice.FindAsync(other)).IsKept;
        });
        Assert.True(store.Now >= ended.AddHours(24));
    }

    [Theory, OnBothStores]
    public async Task A_setting_that_was_lowered_since_counts(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var longer = await EndAsync(store, practice, 20);
        var ended = store.Now;
        await using var watch = Watch(store, new() { RetentionHours = 3 });
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Until.TrueAsync(async () =>
        {
            if (store.Now < ended.AddHours(4.5))
                store.Time.Advance(TimeSpan.FromMinutes(10));
            return !(await practice.FindAsync(longer)).IsKept;
        });
        Assert.True(store.Now >= ended.AddHours(3));
    }

    [Theory, OnBothStores]
    public async Task Nothing_is_given_out_past_its_hour_whenever_it_is_removed(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await StoreHost.StartAsync(kind, postgres, time);
        await using var site = await PairedSite.CreateAsync(host);
        var query = await site.QueueAsync(Ask.Replace("HOURS", "1", StringComparison.Ordinal));
        var claim = Assert.Single(await site.Link.ClaimAsync());
        Assert.True((await site.Link.ReportAsync(query.Id, new(claim.ClaimId, LinkProtocol.Messages.ReportKind.Complete)
        {
            Rows = 0,
            Size = 0,
            PageCount = 0,
            ResultSets = 1,
            Digest = Manifest.DigestOf([]),
        })).Accepted);
        Assert.Equal(200, await StatusAsync());
        time.JumpWallClock(TimeSpan.FromMinutes(59));
        Assert.Equal(200, await StatusAsync());
        time.JumpWallClock(TimeSpan.FromMinutes(1));
        Assert.Equal(410, await StatusAsync());

        async Task<int> StatusAsync()
        {
            using var response = await site.SendAsync(HttpMethod.Get, $"/{query.Id}/results");
            return (int)response.StatusCode;
        }
    }

    [Theory, OnBothStores]
    public async Task A_store_of_the_release_before_is_taken_over_whole(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        foreach (var sql in (string[])
            [
                "DROP INDEX queries_kept_shorter", "ALTER TABLE queries DROP COLUMN kept_for", "ALTER TABLE queries DROP COLUMN lost_claims", "ALTER TABLE queries DROP COLUMN reading_at", "DROP TABLE operators", "ALTER TABLE idempotency_keys DROP COLUMN removed_at",
                // And what came later.
                "DROP TABLE survey_sites", "DROP TABLE surveys", "DROP TABLE database_schemas", "DROP TABLE console_sessions",
                .. ((string[])["enrolment_tokens uses", "enrolment_tokens created_by", "enrolment_tokens revoked_at", "integrator_keys last_used_at", "integrator_keys last_used_from"])
                    .Select(c => c.Split(' ')).Select(c => $"ALTER TABLE {c[0]} DROP COLUMN {c[1]}"),
                "DELETE FROM schema_version WHERE version >= 5",
            ])
            await store.RunAsync(sql);
        var id = store.NewId();
        await store.RunAsync(
            """
            INSERT INTO queries (id, integrator_id, site_id, mode, status, result_set, max_time_in_queue, execution_limit, command_size, request_size, sql_size, created_at, updated_at, completed_at)
            VALUES (@id, @integrator, @site, 'async', 'successful', 1, 1000, 1000, 1, 1, 1, @now, @now, @now)
            """, ("id", id), ("integrator", practice.IntegratorId), ("site", practice.SiteId), ("now", store.Now.Ms()));
        await store.RunAsync("INSERT INTO idempotency_keys (integrator_id, idempotency_key, request_hash, query_id, created_at, expires_at) VALUES (@integrator, 'a', @hash, @id, @now, @until)",
            ("integrator", practice.IntegratorId), ("hash", new byte[] { 1 }), ("id", id), ("now", store.Now.Ms()), ("until", store.Now.AddHours(1).Ms()));
        await store.Database.MigrateAsync();
        Assert.Equal((QueryStatus.Successful, null), ((await practice.FindAsync(id)).Status, (await practice.FindAsync(id)).RetentionHours));
        Assert.Equal(id, (await new IdempotencyStore(store.Database, store.Keys, new(), store.Time).FindAsync(practice.IntegratorId, "a"))!.QueryId);
    }

    static async Task<Guid> EndAsync(TestStore store, Practice practice, int? hours)
    {
        var query = practice.New() with { RetentionHours = hours };
        await store.Ledger.AcceptAsync(query, new("SELECT 1"));
        var claim = Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
        await store.Ledger.SettleClaimAsync(query.Id, claim.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link)
        {
            Executed = Executed.No,
            Error = new ErrorDetails(ErrorTypes.SqlServer, 2627, "a detail"),
        });
        return query.Id;
    }

    static RetentionWatch Watch(TestStore store, ResultOptions results) => new(
        store.Ledger.Retention, new(store.Database), new(store.Database), new(store.Database), new(store.Database), new(), store.Pages, new IdempotencyStore(store.Database, store.Keys, new(), store.Time), new AuditLog(store.Database, store.Time),
        RetentionTests.Orphans(store), results, new(), store.Time, NullLogger<RetentionWatch>.Instance);
}
