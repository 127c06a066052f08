using Halo.Contracts.Errors;
using Halo.Contracts.Sites;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Status;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.Testing;
using Microsoft.AspNetCore.Http;

namespace Halo.Link.Tests.Session;

public class SessionTests
{
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public async Task A_site_where_modes_alone_keep_an_integrator_from_writing_is_named_at_the_start(bool readOnly, int warnings)
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address, s => s with
        {
            Sites = [s.Sites[0] with { Policy = new(new() { Modes = new HashSet<string> { PolicyModes.Reader }, ReadOnly = readOnly }, new Dictionary<Guid, PolicyRules>()) }],
        }).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal(warnings, link.Log.Of(2046).Count);
    }

    [Fact]
    public async Task A_new_Link_enrols_gets_a_token_and_says_Hello()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var hello = await (await api.NextSessionAsync()).WelcomeAsync();
        var enrolment = Assert.Single(api.Enrolments);
        var site = Assert.Single(hello.Sites);
        Assert.Equal("12345", site.PracticeManagementSiteId);
        Assert.Equal(Assert.Single(enrolment.Sites).Id, site.Id);
        Assert.Equal(HostInformation.Version, hello.LinkVersion);
        Assert.Equal(7, hello.RunId.Version);
    }

    [Fact]
    public async Task A_Link_keeps_its_ids_and_does_not_enrol_again_at_its_next_start()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var first = await (await api.NextSessionAsync()).WelcomeAsync();
        await link.StopAsync();
        link.Start();
        var second = await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal(first.Sites[0].Id, second.Sites[0].Id);
        Assert.NotEqual(first.RunId, second.RunId);
        Assert.Equal(1, api.EnrolCalls);
    }

    [Theory]
    [InlineData("enrolled.json", 2)]
    [InlineData("practices.json", 1)]
    public async Task A_note_that_can_be_had_again_keeps_nobody_from_connecting_when_it_is_damaged(string file, int enrolments)
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var before = await (await api.NextSessionAsync()).WelcomeAsync();
        await link.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(link.Settings.DataDirectory, file), "", TestContext.Current.CancellationToken);
        link.Start();
        Assert.Equal(before.Sites[0].Id, (await (await api.NextSessionAsync()).WelcomeAsync()).Sites[0].Id);
        Assert.Equal(enrolments, api.EnrolCalls);
    }

    [Fact]
    public async Task A_Link_that_stops_in_order_says_so()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        await session.NextAsync(FrameKind.Heartbeat);
        await link.StopAsync();
        await session.Ended;
        Assert.Equal(LineCloseReason.LinkStopping, session.Line.CloseReason);
    }

    [Fact]
    public async Task A_broken_session_is_opened_again_by_the_same_run_with_the_token_in_hand()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        var first = await session.WelcomeAsync();
        session.Line.Abort("test");
        var again = await api.NextSessionAsync();
        Assert.Equal(first.RunId, (await again.WelcomeAsync()).RunId);
        Assert.Equal(session.Authorization, again.Authorization);
        Assert.Equal(1, api.TokenCalls);
    }

    [Fact]
    public async Task Of_a_streak_of_failures_only_the_first_and_the_end_are_logged()
    {
        var port = PostgresServer.FreePort();
        await using var link = new RunningLink($"http://127.0.0.1:{port}").Start();
        await Until(() => link.Log.Of(2021).Count == 1);
        await using var api = await TestApi.StartAsync(port);
        (await api.NextSessionAsync()).Line.Abort("test");
        await (await api.NextSessionAsync()).WelcomeAsync();
        await Until(() => link.Log.Of(2020).Count == 1);
        Assert.Single(link.Log.Of(2021));
    }

    [Fact]
    public async Task Why_the_API_does_not_want_the_session_is_logged_with_what_to_do_once()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        for (var i = 0; i < 3; i++)
            await (await api.NextSessionAsync()).Line.CloseAsync(LineCloseReason.AlreadyConnected);
        Assert.Contains("Stop the other one", Assert.Single(link.Log.Of(2021)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Link_that_waits_for_approval_asks_again_when_the_API_said()
    {
        await using var api = await TestApi.StartAsync();
        api.OnEnrol = call => call < 3 ? new Waiting() : null;
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal(3, api.EnrolCalls);
        Assert.Contains("approves", Assert.Single(link.Log.Of(2021)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "enrolmentToken")]
    [InlineData(403, "The API refused to enrol this Link: No.")]
    [InlineData(409, "identity.json")]
    public async Task A_refused_enrolment_says_what_to_do_and_is_tried_again(int status, string words)
    {
        await using var api = await TestApi.StartAsync();
        api.OnEnrol = call => call < 2 ? TestApi.Refuse(status, "No.") : null;
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Contains(words, Assert.Single(link.Log.Of(2021)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_refused_right_after_enrolment_is_asked_for_again_in_silence()
    {
        await using var api = await TestApi.StartAsync();
        api.OnToken = call => call < 3 ? TestApi.Refuse(401, "This node has not heard of it.") : null;
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal(3, api.TokenCalls);
        Assert.Empty(link.Log.Of(2021));
    }

    [Fact]
    public async Task A_Link_that_the_API_has_forgotten_enrols_again()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        await link.StopAsync();
        api.OnToken = call => call == 2 ? TestApi.Refuse(401, "Who?") : null;
        link.Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal(2, api.EnrolCalls);
        Assert.Empty(link.Log.Of(2021));
    }

    [Fact]
    public async Task A_revoked_Link_says_so_once_and_comes_back_when_it_may()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        var revoked = true;
        api.RefusesTokens = true;
        api.OnToken = _ => revoked ? TestApi.Refuse(401, "The assertion is not to be trusted.") : null;
        api.OnEnrol = _ => revoked ? TestApi.Refuse(403, "This Link was revoked.", ErrorCodes.LinkRevoked) : null;
        await session.Line.CloseAsync(LineCloseReason.Revoked);
        await Until(() => api.EnrolCalls >= 3);
        Assert.Contains("revoked", Assert.Single(link.Log.Of(2021)), StringComparison.Ordinal);
        (revoked, api.RefusesTokens) = (false, false);
        await (await api.NextSessionAsync()).WelcomeAsync();
    }

    [Fact]
    public async Task The_token_is_renewed_over_the_open_line()
    {
        await using var api = await TestApi.StartAsync();
        api.TokenLifetime = TimeSpan.FromSeconds(2);
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        var renew = TestSession.Read(await session.NextAsync(FrameKind.Renew), ProtocolJson.Default.Renew);
        Assert.Equal("token-2", renew.AccessToken);
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task Claims_that_cannot_be_read_end_the_session_so_that_the_next_Hello_settles_them()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        await session.NextAsync(FrameKind.ClaimRequest);
        Assert.True(await session.Line.SendAsync(FrameKind.Claims, Guid.Empty, "{ rubbish"u8));
        await session.Ended;
        var next = await api.NextSessionAsync();
        Assert.Empty((await next.WelcomeAsync()).Claims);
        await next.NextAsync(FrameKind.ClaimRequest);
    }

    [Fact]
    public async Task A_heartbeat_says_how_the_databases_are()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        var hello = await session.WelcomeAsync(heartbeatSeconds: 1);
        await session.NextAsync(FrameKind.Heartbeat);
        var beat = TestSession.Read(await session.NextAsync(FrameKind.Heartbeat), ProtocolJson.Default.Heartbeat);
        var database = Assert.Single(beat.Databases);
        Assert.Equal(hello.Sites[0].Id, database.SiteId);
        Assert.Equal(DatabaseStatus.Healthy, database.Health.Status);
        Assert.True(beat.FreeDiskBytes > 0);
    }

    [Fact]
    public async Task What_the_practice_is_called_is_read_from_its_database()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address, WithIdFromSql).Start();
        Assert.Equal("P-77", (await (await api.NextSessionAsync()).WelcomeAsync()).Sites[0].PracticeManagementSiteId);
    }

    [Fact]
    public async Task What_was_last_read_is_used_while_the_database_is_away()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address, WithIdFromSql).Start();
        var first = await (await api.NextSessionAsync()).WelcomeAsync();
        await link.StopAsync();
        link.Settings = link.Settings with { Sites = [link.Settings.Sites[0] with { ConnectionString = "Data Source=/nowhere/at/all.db" }] };
        link.Start();
        var second = await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal("P-77", second.Sites[0].PracticeManagementSiteId);
        Assert.Equal(first.Sites[0].Id, second.Sites[0].Id);
    }

    [Fact]
    public async Task A_running_Link_says_how_it_stands()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        var notice = new LinkProtocol.Messages.SiteNotice(Guid.NewGuid(), false, true, "Another site is authoritative.");
        var hello = await session.WelcomeAsync(60, notice);
        await session.NextAsync(FrameKind.Heartbeat);
        var report = await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None);
        Assert.NotNull(report);
        Assert.True(report.Connected);
        Assert.Equal(hello.RunId, report.RunId);
        Assert.Equal(hello.Sites[0].Id, Assert.Single(report.Sites).SiteId);
        Assert.Contains("connected to", report.ToText(), StringComparison.Ordinal);
        Assert.Contains("  protected: slowReaderMs 30000", report.ToText().Split(Environment.NewLine));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(link.Settings.DataDirectory, "status.sock")));
    }

    static LinkSettings WithIdFromSql(LinkSettings settings) =>
        settings with { Sites = [settings.Sites[0] with { PracticeManagementSiteId = new(null, "SELECT id FROM practice") }] };

    static async Task Until(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5);
    }

    sealed class Waiting : IResult
    {
        public async Task ExecuteAsync(HttpContext context)
        {
            context.Response.StatusCode = 202;
            context.Response.Headers.RetryAfter = "0";
            await context.Response.WriteAsJsonAsync(new { linkId = Guid.Empty, status = "waiting", sites = Array.Empty<object>() });
        }
    }
}
