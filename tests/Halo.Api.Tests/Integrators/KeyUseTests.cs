using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.Testing;

namespace Halo.Api.Tests.Integrators;

/// <summary>When and from where integrators' keys were last used, and what is said of those that are not.</summary>
public sealed class KeyUseTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task The_last_use_of_each_key_is_known_to_the_minute_also_after_a_restart(StoreKind kind)
    {
        var time = new ManualTime();
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        Guid id;
        DateTimeOffset used;
        await using (var host = await ApiHost.StartAsync(time, store.Settings))
        {
            (id, var primary, var secondary) = await host.CreateIntegratorAsync();
            Assert.All(await KeysAsync(host, id), k => Assert.Equal((null, null), (k.LastUsedAt, k.LastUsedFrom)));
            await CallAsync(host, secondary);
            used = time.GetUtcNow();
            time.Advance(TimeSpan.FromSeconds(59));
            await CallAsync(host, secondary);
            await CallAsync(host, "somebody-elses-key");
            var keys = await KeysAsync(host, id);
            Assert.Equal([("primary", null), ("secondary", (DateTimeOffset?)used)], keys.Select(k => (k.Slot, k.LastUsedAt)));
            Assert.NotNull(keys[1].LastUsedFrom);
            time.Advance(TimeSpan.FromSeconds(2));
            used = time.GetUtcNow();
            await CallAsync(host, secondary);
            Assert.Equal(used, (await KeysAsync(host, id))[1].LastUsedAt);
        }
        await using (var host = await ApiHost.StartAsync(time, store.Settings))
        {
            var key = (await KeysAsync(host, id))[1];
            Assert.Equal((Millisecond(used), true), (Millisecond(key.LastUsedAt!.Value), key.LastUsedFrom is not null));
            // Its successor was never used.
            var rotated = (await host.AdminAsync(HttpMethod.Post, $"/admin/v1/integrators/{id}/keys/secondary/rotate")).Deserialize(AdminJson.Default.RotatedKey)!;
            Assert.Null((await KeysAsync(host, id))[1].LastUsedAt);
            await CallAsync(host, rotated.Key);
            Assert.NotNull((await KeysAsync(host, id))[1].LastUsedAt);
        }
    }

    [Fact]
    public async Task An_integrator_that_calls_no_more_is_a_problem_and_so_is_a_key_that_went_out_of_use()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time);
        var (id, primary, secondary) = await host.CreateIntegratorAsync();
        time.Advance(TimeSpan.FromDays(90));
        Assert.Empty(await ProblemsAsync(host));
        time.Advance(TimeSpan.FromMinutes(1));
        var silent = Assert.Single(await ProblemsAsync(host));
        Assert.Equal((id, true), (silent.IntegratorId!.Value, silent.Message.Contains("has not called", StringComparison.Ordinal)));

        // A second key that was never used is in reserve.
        await CallAsync(host, primary);
        Assert.Empty(await ProblemsAsync(host));
        await CallAsync(host, secondary);
        time.Advance(TimeSpan.FromDays(90));
        await CallAsync(host, primary);
        Assert.Empty(await ProblemsAsync(host));
        time.Advance(TimeSpan.FromMinutes(1));
        var old = Assert.Single(await ProblemsAsync(host));
        Assert.Contains("The secondary key", old.Message, StringComparison.Ordinal);
        Assert.Contains($"/admin/v1/integrators/{id}/keys/secondary/rotate", old.Action, StringComparison.Ordinal);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/integrators/{id}/keys/secondary/rotate");
        Assert.Empty(await ProblemsAsync(host));

        time.Advance(TimeSpan.FromDays(91));
        Assert.Single(await ProblemsAsync(host));
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "enabled": false }""");
        Assert.Empty(await ProblemsAsync(host));
    }

    static async Task CallAsync(ApiHost host, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/sites", key: key);
    }

    static async Task<IReadOnlyList<AdminIntegratorKey>> KeysAsync(ApiHost host, Guid id) =>
        (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}")).Deserialize(AdminJson.Default.AdminIntegrator)!.Keys;

    static async Task<IReadOnlyList<Problem>> ProblemsAsync(ApiHost host) =>
        (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/problems?kind={ProblemKinds.IntegratorKeyUnused}")).Deserialize(AdminJson.Default.ProblemList)!.Problems;

    static DateTimeOffset Millisecond(DateTimeOffset at) => DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds());
}
