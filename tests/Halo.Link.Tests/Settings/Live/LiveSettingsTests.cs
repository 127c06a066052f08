using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Link.Status;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Settings.Live;

/// <summary>A whole agent whose file and whose operator change their minds.</summary>
public class LiveSettingsTests
{
    [Fact]
    public async Task A_changed_site_is_told_in_the_open_session_and_served_once_the_API_has_judged()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        var hello = await WelcomeAsync(session);
        link.Write(File(api, link, s => s["practiceName"] = "New name", s => s["catalogues"] = new JsonArray(new JsonObject { ["name"] = "Other", ["isDefault"] = true })));
        var changes = TestSession.Read(await session.NextAsync(FrameKind.SiteChanges), ProtocolJson.Default.SiteChanges);
        var site = Assert.Single(changes.Sites);
        Assert.Equal((hello.Sites[0].Id, "New name", "Other"), (site.Id, site.PracticeName, site.Catalogues[0].Name));
        // Not judged yet: the old catalogue is still served.
        Assert.Equal(Ending.Successful, (await AskAsync(session, site.Id, "practice")).Ending);
        await session.SendAsync(FrameKind.SiteNotices, Guid.Empty, new SiteNotices([new(site.Id, true, true, "fine")]) { Answers = changes.Id }, ProtocolJson.Default.SiteNotices);
        await Eventually.BecomesAsync(() => AskAsync(session, site.Id, "practice"), o => o.Ending == Ending.Failed);
        Assert.Equal(Ending.Successful, (await AskAsync(session, site.Id, "Other")).Ending);
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task A_site_that_comes_is_enrolled_and_one_that_goes_keeps_its_id()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        var first = (await WelcomeAsync(session)).Sites[0].Id;
        var two = JsonNode.Parse(File(api, link))!;
        var other = Site(link);
        other["practiceManagementSiteId"] = "2";
        ((JsonArray)two["sites"]!).Insert(0, other);
        link.Write(two.ToJsonString());
        var both = await AnswerAsync(session);
        Assert.Equal(2, both.Count);
        Assert.Equal(first, both[1].Id);
        Assert.Equal(2, api.Enrolments.Last().Sites.Count);
        link.Write(File(api, link));
        Assert.Equal(first, Assert.Single(await AnswerAsync(session)).Id);
        link.Write(two.ToJsonString());
        Assert.Equal(both.Select(s => s.Id), (await AnswerAsync(session)).Select(s => s.Id));
    }

    [Fact]
    public async Task A_site_that_may_not_be_enrolled_keeps_no_change_of_another_from_the_API_and_is_tried_again()
    {
        await using var api = await TestApi.StartAsync();
        var (refuses, taken) = (false, 0);
        api.OnEnrol = _ =>
        {
            if (Volatile.Read(ref refuses))
                return new Refusing();
            Interlocked.Increment(ref taken);
            return null;
        };
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        await WelcomeAsync(session);
        Volatile.Write(ref refuses, true);
        var two = JsonNode.Parse(File(api, link, s => s["practiceName"] = "New name"))!;
        var other = Site(link);
        other["practiceManagementSiteId"] = "2";
        ((JsonArray)two["sites"]!).Add(other);
        link.Write(two.ToJsonString());
        Assert.Equal("New name", (await AnswerAsync(session))[0].PracticeName);

        // Refused once more, then taken: said once, and the session has lasted.
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref api.EnrolCalls)), calls => calls >= 3);
        Assert.Equal(1, Volatile.Read(ref taken));
        Volatile.Write(ref refuses, false);
        Assert.Equal(2, (await AnswerAsync(session)).Count);
        Assert.Equal(2, Volatile.Read(ref taken));
        Assert.Equal(2, api.Enrolments.Last().Sites.Count);
        Assert.Single(link.Log.Of(2024));
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task A_new_site_that_is_refused_at_a_start_does_not_cut_off_those_that_the_API_knows()
    {
        await using var api = await TestApi.StartAsync();
        var refuses = false;
        api.OnEnrol = _ => Volatile.Read(ref refuses) ? new Refusing() : null;
        await using var link = Link(api);
        var known = (await WelcomeAsync(await api.NextSessionAsync())).Sites[0].Id;
        await link.StopAsync();
        Volatile.Write(ref refuses, true);
        var two = JsonNode.Parse(File(api, link))!;
        var other = Site(link);
        other["practiceManagementSiteId"] = "2";
        ((JsonArray)two["sites"]!).Add(other);
        link.WithFile(two.ToJsonString()).Start();
        var session = await api.NextSessionAsync();
        Assert.Contains((await WelcomeAsync(session)).Sites, s => s.Id == known);
        Assert.Equal(Ending.Successful, (await AskAsync(session, known, null)).Ending);
    }

    [Fact]
    public async Task A_faulty_file_changes_nothing_and_each_fault_is_said_once()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        await WelcomeAsync(session);
        var faulty = JsonNode.Parse(File(api, link))!;
        faulty["lanes"] = new JsonObject { ["immediate"] = 0, ["asink"] = 1 };
        link.Write(faulty.ToJsonString());
        await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2032)), l => l.Count == 2);
        Assert.Equal(2, (await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None))!.Settings!.Faults!.Count);
        // Another fault beside the same two: it alone is news.
        faulty["spool"] = 7;
        link.Write(faulty.ToJsonString());
        var said = await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2032)), l => l.Count > 2);
        Assert.Contains("spool", said[2], StringComparison.Ordinal);
        link.Write(File(api, link));
        await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2033)), l => l.Count == 1);
        Assert.Equal(3, link.Log.Of(2032).Count);
        Assert.Null((await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None))!.Settings!.Faults);
    }

    [Fact]
    public async Task What_needs_a_restart_is_named_and_the_rest_is_in_force()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        await WelcomeAsync(session);
        var changed = JsonNode.Parse(File(api, link))!;
        changed["api"] = "https://elsewhere.example";
        changed["dataDirectory"] = Path.Combine(link.Folder, "data2");
        changed["logLevel"] = "debug";
        link.Write(changed.ToJsonString());
        await Eventually.BecomesAsync(() => Task.FromResult(link.Level.Level), l => l == LogLevel.Debug);
        Assert.Contains("api, dataDirectory", Assert.Single(await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2037)), l => l.Count > 0)), StringComparison.Ordinal);
        var status = (await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None))!;
        Assert.Equal(["api", "dataDirectory"], status.Settings!.NeedsRestart);
        Assert.Equal(api.Address, status.Api);
        Assert.False(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task The_operators_settings_come_in_Welcome_and_by_their_own_frame_and_are_answered()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        var hello = await WelcomeAsync(session, Remote(3, """{ "asyncLanes": 9, "logLevel": "debug" }"""));
        var ack = await AckAsync(session);
        Assert.Equal((3, "asyncLanes"), (ack.Version, Assert.Single(ack.Refused).Setting));
        Assert.Equal(LogLevel.Debug, link.Level.Level);

        // The heartbeat's period counts at once: sixty seconds were told before.
        await SendAsync(session, Remote(4, """{ "heartbeatSeconds": 1 }"""));
        Assert.Equal(4, (await AckAsync(session)).Version);
        Assert.Equal(LogLevel.Information, link.Level.Level);
        await session.NextAsync(FrameKind.Heartbeat);
        await session.NextAsync(FrameKind.Heartbeat);

        // One that was overtaken on its way does not count.
        await SendAsync(session, Remote(3, """{ "logLevel": "warning" }"""));
        await SendAsync(session, new(5, new Dictionary<string, JsonElement>(), [new(hello.Sites[0].Id, Values("""{ "immediateExecutionMs": 100 }"""))]));
        Assert.Equal(5, (await AckAsync(session)).Version);
        Assert.Equal(LogLevel.Information, link.Level.Level);
        var endless = await AskAsync(session, hello.Sites[0].Id, null, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
        Assert.Equal("ExecutionTimeout", endless.Error!.Code);
    }

    [Fact]
    public async Task The_last_remote_settings_hold_at_a_start_without_the_API()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        await WelcomeAsync(session, Remote(7, """{ "logLevel": "warning", "uploads": 8 }"""));
        await AckAsync(session);
        await link.StopAsync();
        link.Level.Set(null, null);
        await api.DisposeAsync();
        link.Start();
        await Eventually.BecomesAsync(() => Task.FromResult(link.Level.Level), l => l == LogLevel.Warning);
        var status = await Eventually.BecomesAsync(() => StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None), s => s is not null);
        Assert.Equal((7, "uploads"), (status!.Settings!.RemoteVersion, Assert.Single(status.Settings.Refused).Setting));
    }

    [Fact]
    public async Task With_an_API_that_takes_no_changes_a_new_session_begins_with_them()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = Link(api);
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        link.Write(File(api, link, s => s["practiceName"] = "New name"));
        var hello = await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Equal("New name", hello.Sites[0].PracticeName);
    }

    [Fact]
    public async Task One_metadata_query_that_hangs_or_fails_takes_no_other_with_it_and_no_start()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address);
        link.WithFile(File(api, link, s =>
        {
            s["practiceManagementSiteId"] = new JsonObject { ["sql"] = "SELECT id FROM practice" };
            s["practiceManagementVersion"] = new JsonObject { ["sql"] = "SELECT no_such_column FROM practice" };
            s["practiceName"] = new JsonObject { ["sql"] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n" };
        })).Start();
        var hello = await (await api.NextSessionAsync()).WelcomeAsync();
        var site = Assert.Single(hello.Sites);
        Assert.Equal("P-77", site.PracticeManagementSiteId);
        Assert.Null(site.PracticeManagementVersion);
        // On a busy machine a second reading may have come to another end by now.
        Assert.Contains("practiceManagementVersion", link.Log.Of(2002)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_read_of_the_practice_is_told_anew_when_the_reason_is_another_and_stands_in_the_status()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address);
        link.WithFile(WithId("SELECT id FROM practice WHERE 1 = 0")).Start();
        await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2002)), l => l.Any(m => m.Contains("practiceManagementSiteId: its SQL gives nothing", StringComparison.Ordinal)));
        var status = await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None);
        Assert.Contains("not announced", status!.ToText(), StringComparison.Ordinal);
        Assert.Contains("could not be read: practiceManagementSiteId: its SQL gives nothing", status.ToText(), StringComparison.Ordinal);

        link.Write(WithId("SELECT no_such_column FROM practice"));
        await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2002)), l => l.Any(m => m.Contains("practiceManagementSiteId: SqliteException 1)", StringComparison.Ordinal)));
        link.Write(WithId("SELECT id FROM practice"));
        Assert.Equal("P-77", (await (await api.NextSessionAsync()).WelcomeAsync()).Sites[0].PracticeManagementSiteId);

        string WithId(string sql) => File(api, link, s => s["practiceManagementSiteId"] = new JsonObject { ["sql"] = sql });
    }

    static RunningLink Link(TestApi api)
    {
        var link = new RunningLink(api.Address);
        return link.WithFile(File(api, link)).Start();
    }

    static JsonObject Site(RunningLink link) => new()
    {
        ["engine"] = "sqlite",
        ["connectionString"] = link.ConnectionString,
        ["practiceManagementName"] = "Best Practice",
        ["practiceManagementSiteId"] = "12345",
    };

    static string File(TestApi api, RunningLink link, params Action<JsonObject>[] changes)
    {
        var site = Site(link);
        foreach (var change in changes)
            change(site);
        return new JsonObject { ["api"] = api.Address, ["dataDirectory"] = Path.Combine(link.Folder, "data"), ["sites"] = new JsonArray(site) }.ToJsonString();
    }

    static async Task<Hello> WelcomeAsync(TestSession session, RemoteConfiguration? configuration = null)
    {
        var hello = TestSession.Read(await session.NextAsync(FrameKind.Hello), ProtocolJson.Default.Hello);
        await session.SendAsync(FrameKind.Welcome, Guid.Empty,
            new Welcome(Guid.NewGuid(), "26.1.1", 60, [], []) { Capabilities = [Welcome.TakesSiteChanges], Configuration = configuration }, ProtocolJson.Default.Welcome);
        return hello;
    }

    static async Task<IReadOnlyList<SiteDescription>> AnswerAsync(TestSession session)
    {
        var changes = TestSession.Read(await session.NextAsync(FrameKind.SiteChanges), ProtocolJson.Default.SiteChanges);
        await session.SendAsync(FrameKind.SiteNotices, Guid.Empty,
            new SiteNotices([.. changes.Sites.Select(s => new SiteNotice(s.Id, true, true, "fine"))]) { Answers = changes.Id }, ProtocolJson.Default.SiteNotices);
        return changes.Sites;
    }

    static async Task<ConfigurationAck> AckAsync(TestSession session) =>
        TestSession.Read(await session.NextAsync(FrameKind.ConfigurationAck), ProtocolJson.Default.ConfigurationAck);

    static Task SendAsync(TestSession session, RemoteConfiguration configuration) =>
        session.SendAsync(FrameKind.Configuration, Guid.Empty, configuration, ProtocolJson.Default.RemoteConfiguration);

    static async Task<Outcome> AskAsync(TestSession session, Guid site, string? catalogue, string sql = "SELECT 1")
    {
        var id = Guid.NewGuid();
        await session.SendAsync(FrameKind.Execute, id, new Execute(site, Guid.Empty, new(sql), 30_000, 60_000, 8 << 20) { Catalogue = catalogue }, ProtocolJson.Default.Execute);
        return (await session.ResultAsync(id)).Outcome;
    }

    static RemoteConfiguration Remote(long version, string settings) => new(version, Values(settings), []);

    static Dictionary<string, JsonElement> Values(string settings) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(settings)!;

    sealed class Refusing : IResult
    {
        public async Task ExecuteAsync(HttpContext context)
        {
            context.Response.StatusCode = 503;
            context.Response.Headers.RetryAfter = "0";
            await context.Response.WriteAsJsonAsync(new { error = new { status = 503, message = "Not now.", code = "NotNow" } });
        }
    }
}
