using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Links.Sessions;
using Halo.Api.LinkSocket;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.LinkSocket;

/// <summary>What a session says or leaves behind while another one of its Link takes its place.</summary>
public class ReplacedSessionTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task What_an_older_session_says_of_the_sites_takes_none_out_that_the_newer_one_serves(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host) { SecondSiteId = Guid.NewGuid() };
        await link.StartAsync();
        var older = await SessionAsync(host, link);
        await link.ConnectAsync();
        await SessionAsync(host, link, except: older);
        // Said before it was replaced, and dealt with now.
        await host.Services.GetRequiredService<SiteReports>().OnSiteChangesAsync(older, link.MachineId, new(Guid.NewGuid(), [link.Site]) { ConfiguredSites = [link.SiteId] });
        Assert.Equal(SiteStatus.Active, host.Services.GetRequiredService<SiteDirectory>().Find(link.SecondSiteId.Value)!.Status);
        // What the newer one says counts.
        await link.ChangeAsync(new(Guid.NewGuid(), [link.Site]) { ConfiguredSites = [link.SiteId] });
        Assert.Equal(SiteStatus.Uninstalled, host.Services.GetRequiredService<SiteDirectory>().Find(link.SecondSiteId.Value)!.Status);
    }

    [Theory, OnBothStores]
    public async Task A_site_is_noted_as_lost_where_the_session_that_was_to_replace_its_own_did_not_open(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await SessionAsync(host, link);
        await RunAsync(host, "ALTER TABLE queries RENAME TO taken_away");
        await link.OpenAsync();
        await link.Line.SendAsync(FrameKind.Hello, Guid.Empty, link.Hello(), ProtocolJson.Default.Hello);
        Assert.Equal(LineCloseReason.LedgerFailed, await link.EndAsync());
        await RunAsync(host, "ALTER TABLE taken_away RENAME TO queries");
        await Eventually.BecomesAsync(() => LastContactAsync(host, link), contact => contact == "lost");
    }

    [Fact]
    public async Task The_end_of_a_session_is_noted_before_the_next_one_opens_or_not_at_all()
    {
        // Nothing in the end of a session that broke waits for this store: without the lock it would be over when its call returns.
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var sessions = host.Services.GetRequiredService<LinkSessions>();
        var older = await SessionAsync(host, link);
        await using var connection = new LinkConnection(link.LinkId, DateTimeOffset.MaxValue, link.Line, TimeProvider.System, default);
        connection.Open(older);
        var newer = new LinkSession(Guid.NewGuid(), link.LinkId, link.RunId, link.Line, older.SiteIds) { Intake = new(TimeProvider.System) };
        Task end;
        using (await sessions.LockAsync(link.LinkId))
        {
            end = host.Services.GetRequiredService<SessionLifecycle>().EndAsync(connection);
            sessions.Open(newer);
        }
        await end;
        Assert.Same(newer, sessions.Find(link.LinkId));
        Assert.Equal("online", await LastContactAsync(host, link));
        sessions.Close(newer);
    }

    [Fact]
    public async Task A_Link_is_told_what_an_operator_decides_while_its_Hello_is_dealt_with()
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Postgres, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await SessionAsync(host, link);
        await link.BreakAsync();
        // Nothing else is to be written of the Link while its row is held, or the Hello would wait behind that.
        await Eventually.BecomesAsync(() => LastContactAsync(host, link), contact => contact == "lost");
        await link.OpenAsync();
        var database = host.Services.GetRequiredService<Database>();
        var (holds, released) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        // The Hello has described its sites, and waits for the Link's row.
        var holding = database.WriteAsync(async t =>
        {
            await t.ReadAsync(r => r.GetGuid(0), "SELECT id FROM links FOR UPDATE");
            holds.SetResult();
            await released.Task;
            return 0;
        });
        await holds.Task;
        await link.Line.SendAsync(FrameKind.Hello, Guid.Empty, link.Hello(), ProtocolJson.Default.Hello);
        await Eventually.BecomesAsync(async () => (await database.ReadAsync(r => r.GetInt64(0),
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%last_claim_number%'"))[0], waiting => waiting > 0);
        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{link.SiteId}");
        released.SetResult();
        await holding;
        var told = Assert.Single(Read((await link.ExpectAsync(FrameKind.Welcome)).Payload, ProtocolJson.Default.Welcome).Sites);
        if (told.Authoritative)
            told = Assert.Single(Read((await link.ExpectAsync(FrameKind.SiteNotices)).Payload, ProtocolJson.Default.SiteNotices).Sites);
        Assert.Contains("An operator removed this site", told.Message, StringComparison.Ordinal);
    }

    /// <summary>The session of a Link, which opens after its Welcome.</summary>
    static async Task<LinkSession> SessionAsync(ApiHost host, SimulatedLink link, LinkSession? except = null)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        return await host.Services.GetRequiredService<LinkSessions>().WaitAsync(link.LinkId, limit.Token, except) ?? throw new TimeoutException("No session opened.");
    }

    /// <summary>Once all that was noted is stored.</summary>
    static async Task<string?> LastContactAsync(ApiHost host, SimulatedLink link)
    {
        var database = host.Services.GetRequiredService<Database>();
        await Eventually.BecomesAsync(() => Task.FromResult(database.WaitingLater), left => left == 0);
        return (await database.ReadAsync(r => r.GetString(0), "SELECT contact FROM site_contacts WHERE site_id = @site ORDER BY at DESC LIMIT 1", ("site", link.SiteId))).SingleOrDefault();
    }

    static T Read<T>(byte[] payload, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(payload, type)!;

    static Task<int> RunAsync(ApiHost host, string sql) => host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync(sql));
}
