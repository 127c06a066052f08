using System.Text.Json;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Problems;

/// <summary>What needs a person: listed while it lasts, and gone with it.</summary>
public sealed class ProblemTests(SharedPostgres postgres)
{
    const string Path = "/admin/v1/problems";

    [Fact]
    public async Task Where_all_is_well_there_is_none()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = await NewLinkAsync(host);
        await BeatAsync(host, link, DatabaseStatus.Healthy);
        await Until.TrueAsync(async () => (await SiteAsync(host, link)).Database?.Status == DatabaseStatus.Healthy);
        var none = await ListAsync(host);
        Assert.Empty(none.Problems);
        Assert.Empty(none.Counts);
    }

    [Fact]
    public async Task A_failing_database_a_wrong_clock_and_a_full_disk_are_told_until_they_are_mended()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = await NewLinkAsync(host);
        await BeatAsync(host, link, DatabaseStatus.Failing, TimeSpan.FromMinutes(6), freeDisk: (1L << 30) - 1);
        var found = await Eventually.BecomesAsync(() => ListAsync(host), l => l.Problems.Count >= 3);
        Assert.Equal([ProblemKinds.ClockDrift, ProblemKinds.DatabaseFailing, ProblemKinds.DiskLow], found.Problems.Select(p => p.Kind).Order());
        var failing = Assert.Single(found.Problems, p => p.Kind == ProblemKinds.DatabaseFailing);
        Assert.Equal((link.SiteId, link.LinkId), (failing.SiteId!.Value, failing.LinkId!.Value));
        Assert.Contains("(Timeout)", failing.Message, StringComparison.Ordinal);
        Assert.NotNull(failing.Since);
        Assert.Contains("6 minutes ahead", Assert.Single(found.Problems, p => p.Kind == ProblemKinds.ClockDrift).Message, StringComparison.Ordinal);
        Assert.Contains("1023 MiB", Assert.Single(found.Problems, p => p.Kind == ProblemKinds.DiskLow).Message, StringComparison.Ordinal);

        // Each at its bound is none any more.
        await BeatAsync(host, link, DatabaseStatus.Healthy, TimeSpan.FromMinutes(4), freeDisk: 1L << 30);
        await Eventually.BecomesAsync(() => ListAsync(host), l => l.Problems.Count == 0);
    }

    [Fact]
    public async Task A_site_that_is_not_heard_of_and_a_database_of_its_are_one_problem()
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres, time);
        await using var link = await NewLinkAsync(host);
        await BeatAsync(host, link, DatabaseStatus.Failing);
        await Eventually.BecomesAsync(() => ListAsync(host), l => l.Problems.Count == 1);
        await link.BreakAsync();
        var lost = await Eventually.BecomesAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(10));
            return ListAsync(host);
        }, l => l.Problems is [{ Kind: ProblemKinds.SiteUnreachable }]);
        Assert.NotNull(lost.Problems[0].Since);
        await link.ConnectAsync();
        await Eventually.BecomesAsync(() => ListAsync(host), l => l.Problems.All(p => p.Kind != ProblemKinds.SiteUnreachable));
    }

    [Fact]
    public async Task A_Link_that_waits_for_approval_is_one_until_somebody_decides()
    {
        await using var host = await ApiHost.StartAsync("Halo:Enrolment=approval");
        await using var link = new SimulatedLink(host);
        using var _ = await link.EnrolAsync();
        var waiting = Assert.Single((await ListAsync(host)).Problems);
        Assert.Equal((ProblemKinds.ApprovalWaiting, link.LinkId), (waiting.Kind, waiting.LinkId!.Value));
        Assert.Contains($"/admin/v1/links/{link.LinkId}/approve", waiting.Action, StringComparison.Ordinal);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/revoke");
        Assert.Empty((await ListAsync(host)).Problems);
    }

    [Fact]
    public async Task A_second_run_is_one_for_a_day()
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres, time);
        await using var live = await NewLinkAsync(host);
        await using var clone = live.Clone();
        await clone.OpenAsync();
        await clone.Line.SendAsync(FrameKind.Hello, Guid.Empty, clone.Hello(), ProtocolJson.Default.Hello);
        Assert.Equal(LineCloseReason.AlreadyConnected, await clone.EndAsync());
        await Eventually.BecomesAsync(() => ListAsync(host), l => l.Problems.Any(p => p.Kind == ProblemKinds.SecondRun));
        time.Advance(TimeSpan.FromDays(1));
        Assert.DoesNotContain((await ListAsync(host)).Problems, p => p.Kind == ProblemKinds.SecondRun);
    }

    [Theory, OnBothStores]
    public async Task Disabled_webhooks_and_operators_keys_are_told(StoreKind kind)
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(kind, postgres, time);
        var (integrator, _, _) = await host.CreateIntegratorAsync();
        var hook = Guid.CreateVersion7(time.GetUtcNow());
        await host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync(
            """
            INSERT INTO webhooks (id, integrator_id, url, event_types, style, enabled, disabled_reason, wrapped_key, signing_keys, created_at, updated_at)
            VALUES (@id, @integrator, 'https://a.example', '[]', 'halo', FALSE, 'It has failed for 24 hours.', @blob, @blob, @now, @now)
            """, ("id", hook), ("integrator", integrator), ("blob", new byte[1]), ("now", time.GetUtcNow().ToUnixTimeMilliseconds())));
        var disabled = Assert.Single((await ListAsync(host)).Problems);
        Assert.Equal((ProblemKinds.WebhookDisabled, integrator), (disabled.Kind, disabled.IntegratorId!.Value));
        Assert.Contains("24 hours", disabled.Message, StringComparison.Ordinal);

        await MakeAsync(host, "Forgotten", null);
        await MakeAsync(host, "Ending", time.GetUtcNow().AddDays(14).AddMinutes(1));
        Assert.Single((await ListAsync(host)).Problems);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Contains("Ending", Assert.Single((await ListAsync(host, $"?kind={ProblemKinds.OperatorKeyExpiring}")).Problems).Message, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromDays(90));
        var list = await ListAsync(host);
        Assert.Contains("Forgotten", Assert.Single(list.Problems, p => p.Kind == ProblemKinds.OperatorKeyUnused).Message, StringComparison.Ordinal);
        Assert.Contains("expired at", Assert.Single(list.Problems, p => p.Kind == ProblemKinds.OperatorKeyExpiring).Message, StringComparison.Ordinal);
        Assert.Equal(integrator, Assert.Single(list.Problems, p => p.Kind == ProblemKinds.IntegratorKeyUnused).IntegratorId);
        Assert.Equal(4, list.Counts.Sum(c => c.Count));

        // In pages; the counts are of all.
        var ids = new List<string>();
        for (string? next = ""; next is not null;)
        {
            var page = await ListAsync(host, next.Length == 0 ? "?limit=1" : $"?limit=1&after={Uri.EscapeDataString(next)}");
            ids.Add(Assert.Single(page.Problems).Id);
            Assert.Equal(4, page.Counts.Count);
            next = page.Next;
        }
        Assert.Equal(list.Problems.Select(p => p.Id), ids);
    }

    [Theory]
    [InlineData("kind=Everything", "kind")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    public async Task What_is_asked_wrongly_is_told(string query, string field)
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Get, $"{Path}?{query}", adminKey: ApiHost.AdminKey);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains($"\"{field}\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("search=hARBOUR", 1)]
    [InlineData("search=SEASIDE-7", 1)]
    [InlineData("search=best", 2)]
    [InlineData("search=nowhere", 0)]
    [InlineData("databaseStatus=failing", 1)]
    [InlineData("databaseStatus=healthy&search=best", 1)]
    [InlineData("driftOverMs=60000", 1)]
    [InlineData("haloLinkVersion=26.1.1", 0)]
    [InlineData("availability=offline", 0)]
    public async Task Sites_are_found_by_what_one_knows_of_them(string query, int count)
    {
        await using var host = await ApiHost.StartAsync();
        await using var harbour = new SimulatedLink(host) { PmsId = "harbour-1" };
        await harbour.StartAsync();
        await using var seaside = new SimulatedLink(host) { PmsId = "seaside-7" };
        await seaside.StartAsync();
        await BeatAsync(host, harbour, DatabaseStatus.Failing, TimeSpan.FromMinutes(-2));
        await BeatAsync(host, seaside, DatabaseStatus.Healthy);
        await Until.TrueAsync(async () => (await SiteAsync(host, seaside)).Database?.Status == DatabaseStatus.Healthy && (await SiteAsync(host, harbour)).Database?.Status == DatabaseStatus.Failing);
        Assert.Equal(count, (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites?{query}")).Deserialize(AdminJson.Default.AdminSiteList)!.Sites.Count);
    }

    [Theory]
    [InlineData("availability=1&databaseStatus=ill&driftOverMs=-1", "availability,databaseStatus,driftOverMs")]
    [InlineData("driftOverMs=2147483648", "driftOverMs")]
    public async Task Every_fault_of_a_filter_is_told(string query, string fields)
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Get, $"/admin/v1/sites?{query}", adminKey: ApiHost.AdminKey);
        var body = await response.Content.ReadAsStringAsync();
        Assert.Equal(400, (int)response.StatusCode);
        Assert.All(fields.Split(','), f => Assert.Contains($"\"{f}\"", body, StringComparison.Ordinal));
        using var most = await host.SendAsync(HttpMethod.Get, $"/admin/v1/sites?driftOverMs={int.MaxValue}&search={new string('a', 100)}", adminKey: ApiHost.AdminKey);
        Assert.Equal(200, (int)most.StatusCode);
        using var over = await host.SendAsync(HttpMethod.Get, $"/admin/v1/sites?search={new string('a', 101)}", adminKey: ApiHost.AdminKey);
        Assert.Equal(400, (int)over.StatusCode);
    }

    static async Task<SimulatedLink> NewLinkAsync(ApiHost host)
    {
        var link = new SimulatedLink(host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        return link;
    }

    static async Task BeatAsync(ApiHost host, SimulatedLink link, DatabaseStatus status, TimeSpan drift = default, long? freeDisk = null)
    {
        var health = new DatabaseHealth(status) { ErrorCode = status == DatabaseStatus.Failing ? "Timeout" : null };
        await link.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty,
            new Heartbeat(host.Services.GetRequiredService<TimeProvider>().GetUtcNow() + drift, link.Version, 1, new(0, 0, 0, 0), [new(link.SiteId, health)], freeDisk, 0), ProtocolJson.Default.Heartbeat);
    }

    static async Task<AdminSite> SiteAsync(ApiHost host, SimulatedLink link) => (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).Deserialize(AdminJson.Default.AdminSite)!;

    static async Task<ProblemList> ListAsync(ApiHost host, string query = "") => (await host.AdminAsync(HttpMethod.Get, Path + query)).Deserialize(AdminJson.Default.ProblemList)!;

    static async Task MakeAsync(ApiHost host, string name, DateTimeOffset? expiresAt)
    {
        using var response = await host.SendAsync(HttpMethod.Post, "/admin/v1/operators",
            JsonSerializer.Serialize(new CreateOperatorRequest(name, OperatorRole.Viewer, expiresAt), AdminJson.Default.CreateOperatorRequest), adminKey: ApiHost.AdminKey);
        Assert.Equal(201, (int)response.StatusCode);
    }
}
