using Halo.Api.Ledger;
using Halo.Api.Operators;
using Halo.Api.Operators.Sessions;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Operators;

/// <summary>What the console keeps and asks for, on both stores.</summary>
public sealed class ConsoleSessionsTests(SharedPostgres postgres)
{
    static readonly OperatorDeed AdminKey = new(null, null, "127.0.0.1");

    [Theory, OnBothStores]
    public async Task A_session_holds_over_a_restart_and_ends_with_the_admin_key(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        string token, left;
        await using (var host = await ApiHost.StartAsync(time, [.. store.Settings, "Halo:Console:Enabled=true"]))
        {
            var sessions = host.Services.GetRequiredService<ConsoleSessions>();
            token = (await sessions.BeginAsync(null, AdminKey)).Token;
            var other = await sessions.BeginAsync(null, AdminKey);
            left = other.Token;
            await sessions.EndAsync(other, AdminKey);
        }
        await using (var host = await ApiHost.StartAsync(time, [.. store.Settings, "Halo:Console:Enabled=true"]))
        {
            var sessions = host.Services.GetRequiredService<ConsoleSessions>();
            Assert.Equal(time.GetUtcNow().AddHours(12), (await sessions.FindAsync(token))!.ExpiresAt, TimeSpan.FromMilliseconds(1));
            Assert.Null(await sessions.FindAsync(left));
        }
        await using (var host = await ApiHost.StartAsync(time, [.. store.Settings, "Halo:Console:Enabled=true", "Halo:AdminKey=another-key-for-tests"]))
            Assert.Null(await host.Services.GetRequiredService<ConsoleSessions>().FindAsync(token));
    }

    [Theory, OnBothStores]
    public async Task Whoever_signs_in_with_a_key_that_is_replaced_at_that_moment_is_not_let_in(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, "Halo:Console:Enabled=true");
        var (sessions, operators) = (host.Services.GetRequiredService<ConsoleSessions>(), host.Services.GetRequiredService<OperatorRegistry>());
        var (made, _) = await operators.CreateAsync("Ann", OperatorRole.Owner, null, AdminKey);
        var known = host.Services.GetRequiredService<OperatorDirectory>().Authenticate(made!.Key)!;
        await operators.RotateAsync(known.Id, AdminKey);
        var late = await sessions.BeginAsync(known, new(known.Id, known.Name, null));
        Assert.Null(await sessions.FindAsync(late.Token));
    }

    [Theory, OnBothStores]
    public async Task Of_an_operator_the_newest_are_kept(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await StoreHost.StartAsync(kind, postgres, time, "Halo:Console:Enabled=true");
        var sessions = host.Services.GetRequiredService<ConsoleSessions>();
        var (made, _) = await host.Services.GetRequiredService<OperatorRegistry>().CreateAsync("Ann", OperatorRole.Owner, null, AdminKey);
        var known = host.Services.GetRequiredService<OperatorDirectory>().Find(made!.Id)!;
        var (admins, anns) = (new List<string>(), new List<string>());
        for (var i = 0; i <= ConsoleSessions.MostOfOperator; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            admins.Add((await sessions.BeginAsync(null, AdminKey)).Token);
            anns.Add((await sessions.BeginAsync(known, new(known.Id, known.Name, null))).Token);
        }
        foreach (var tokens in (List<string>[])[admins, anns])
        {
            Assert.Null(await sessions.FindAsync(tokens[0]));
            foreach (var token in tokens[1..])
                Assert.NotNull(await sessions.FindAsync(token));
        }
    }

    [Theory, OnBothStores]
    public async Task Those_that_are_over_are_removed_when_another_begins_and_none_comes_back_from_a_backup(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await StoreHost.StartAsync(kind, postgres, time, "Halo:Console:Enabled=true");
        var (sessions, database) = (host.Services.GetRequiredService<ConsoleSessions>(), host.Services.GetRequiredService<Database>());
        await sessions.BeginAsync(null, AdminKey);
        time.Advance(TimeSpan.FromHours(1));
        var token = (await sessions.BeginAsync(null, AdminKey)).Token;
        Assert.Equal(1, await CountAsync());
        await RestoredLedger.SettleAsync(database, time);
        Assert.Null(await sessions.FindAsync(token));

        async Task<long> CountAsync() => (await database.ReadAsync(r => r.GetInt64(0), "SELECT COUNT(*) FROM console_sessions"))[0];
    }

    [Theory, OnBothStores]
    public async Task Audit_lines_are_found_newest_first_and_queries_counted_by_day(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await StoreHost.StartAsync(kind, postgres, time);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        // Lines of one millisecond have no order.
        time.Advance(TimeSpan.FromSeconds(1));
        var (id, key, _) = await host.CreateIntegratorAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
        var site = new PairedSite(host, link, key);
        var audit = host.Services.GetRequiredService<AuditLog>();
        var all = await audit.ListNewestAsync(new(10));
        Assert.Equal(["integrator.paired", "integrator.created"], all.Take(2).Select(l => l.Action));
        Assert.Equal(all[1], Assert.Single(await audit.ListNewestAsync(new(1) { Before = all[0].Id })), (a, b) => a.Id == b.Id);
        Assert.Equal(2, (await audit.ListNewestAsync(new(10) { Subject = id.ToString() })).Count);
        Assert.Empty(await audit.ListNewestAsync(new(10) { Subject = "_" }));
        Assert.Single(await audit.ListNewestAsync(new(10) { Actor = "operator", Action = "integrator.created", From = all[1].At, To = all[1].At.AddMilliseconds(1) }));
        Assert.Empty(await audit.ListNewestAsync(new(10) { Actor = "operator", Action = "integrator.created", To = all[1].At }));

        await site.QueueAsync();
        await site.QueueAsync();
        var today = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        Assert.Equal([(today, 2)], await host.Services.GetRequiredService<QueryStore>().CountByDayAsync(id, today.AddDays(-1)));
        Assert.Empty(await host.Services.GetRequiredService<QueryStore>().CountByDayAsync(id, today.AddDays(1)));
    }
}
