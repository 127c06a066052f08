using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Integrators;

/// <summary>
/// An async query that is accepted in the very moment in which an operator takes its integrator's right away does not wait on. PostgreSQL: there
/// both are written at once.
/// </summary>
public class QueuedMeanwhileTests(SharedPostgres postgres)
{
    [Theory, InlineData("unpaired"), InlineData("disabled"), InlineData("deleted")]
    public async Task What_is_stored_after_the_right_was_taken_away_is_cancelled_and_refused(string taken)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Postgres, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        var accepting = await LockAsync(host, "query_commands");
        var asked = site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        await Eventually.BecomesAsync(() => WaitingAsync(host), waiting => waiting > 0);
        await TakeAsync(host, site, taken);
        await accepting.DisposeAsync();
        using var response = await asked;
        await response.ErrorAsync(taken == "deleted" ? 401 : 403);
        Assert.Equal(["cancelled"], await StatusesAsync(host));
    }

    [Theory, InlineData("unpaired"), InlineData("disabled")]
    public async Task What_is_let_in_while_the_operators_change_is_being_published_is_cancelled_when_the_call_is_answered(string taken)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Postgres, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        // The change is stored, and what every call looks at is not read again yet.
        var publishing = await LockAsync(host, "integrator_keys");
        var taking = TakeAsync(host, site, taken);
        await Eventually.BecomesAsync(() => WaitingAsync(host), waiting => waiting > 0);
        await site.QueueAsync();
        await publishing.DisposeAsync();
        await taking;
        Assert.Equal(["cancelled"], await StatusesAsync(host));
    }

    static async Task TakeAsync(ApiHost host, PairedSite site, string what)
    {
        var id = (await Store(host).ReadAsync(r => r.GetGuid(0), "SELECT integrator_id FROM pairings WHERE site_id = @site", ("site", site.Link.SiteId))).Single();
        var integrator = $"/admin/v1/integrators/{id}";
        using var response = await (what switch
        {
            "unpaired" => host.SendAsync(HttpMethod.Delete, $"{integrator}/pairings/{site.Link.SiteId}", adminKey: ApiHost.AdminKey),
            "disabled" => host.SendAsync(HttpMethod.Patch, integrator, """{ "enabled": false }""", adminKey: ApiHost.AdminKey),
            _ => host.SendAsync(HttpMethod.Delete, integrator, adminKey: ApiHost.AdminKey),
        });
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Nobody else uses the table until this is disposed.</summary>
    static async Task<IAsyncDisposable> LockAsync(ApiHost host, string table)
    {
        var holds = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = Store(host).WriteAsync(async t =>
        {
            await t.RunAsync($"LOCK TABLE {table}");
            holds.SetResult();
            await released.Task;
            return 0;
        });
        await holds.Task;
        return new Held(released, held);
    }

    static async Task<long> WaitingAsync(ApiHost host) => (await Store(host).ReadAsync(r => r.GetInt64(0),
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'relation'"))[0];

    static Task<List<string>> StatusesAsync(ApiHost host) => Store(host).ReadAsync(r => r.GetString(0), "SELECT status FROM queries");

    static Database Store(ApiHost host) => host.Services.GetRequiredService<Database>();

    sealed class Held(TaskCompletionSource released, Task held) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            released.TrySetResult();
            await held;
        }
    }
}
