using System.Text.Json.Nodes;
using Halo.Contracts.Errors;
using Halo.Link.Status;
using Halo.Link.Tests.Engines;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Settings.Live;

/// <summary>Settings that name another database, which cannot be read: it may be another practice's.</summary>
public sealed class UnreadDatabaseTests(SharedPostgres postgres)
{
    [Fact]
    public async Task No_query_reaches_it_before_it_was_read_and_the_API_has_judged()
    {
        var first = await postgres.NewDatabaseAsync();
        var later = new NpgsqlConnectionStringBuilder(first) { Database = $"later_{Guid.NewGuid():N}" };
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address);
        link.WithFile(File(api, link, first)).Start();
        var session = await api.NextSessionAsync();
        var hello = TestSession.Read(await session.NextAsync(FrameKind.Hello), ProtocolJson.Default.Hello);
        await session.SendAsync(FrameKind.Welcome, Guid.Empty, new Welcome(Guid.NewGuid(), "26.1.1", 60, [], []) { Capabilities = [Welcome.TakesSiteChanges] }, ProtocolJson.Default.Welcome);
        var site = hello.Sites[0].Id;
        Assert.NotNull(hello.Sites[0].DatabaseIdentity);
        Assert.Equal(Ending.Successful, (await AskAsync(session, site)).Ending);

        link.Write(File(api, link, later.ConnectionString));
        // The identity of the database that is not meant any more is not told as that of the new one.
        var changes = await ChangesAsync(session);
        Assert.Null(Assert.Single(changes.Sites).DatabaseIdentity);
        await JudgeAsync(session, changes);
        var refused = await Eventually.BecomesAsync(() => AskAsync(session, site), o => o.Ending == Ending.Failed);
        Assert.Equal((FailureCodes.DatabaseUnavailable, Contracts.Queries.Executed.No), (refused.Error!.Code, refused.Executed));
        Assert.Contains("could not look at it", refused.Error.ErrorMessage, StringComparison.Ordinal);
        var status = await StatusServer.AskAsync(link.Settings.DataDirectory, CancellationToken.None);
        Assert.Contains("no query reaches it", Assert.Single(status!.Sites).Message, StringComparison.Ordinal);

        await using (var connection = new NpgsqlConnection(first))
        {
            await connection.OpenAsync();
            await using var create = new NpgsqlCommand($"CREATE DATABASE {later.Database}", connection);
            await create.ExecuteNonQueryAsync();
        }
        changes = await ChangesAsync(session);
        Assert.NotNull(changes.Sites[0].DatabaseIdentity);
        Assert.NotEqual(hello.Sites[0].DatabaseIdentity, changes.Sites[0].DatabaseIdentity);
        // It answers by now, and is still kept from queries: the API has not said yet whether it is the same practice.
        Assert.Contains("could not look at it", (await AskAsync(session, site)).Error!.ErrorMessage, StringComparison.Ordinal);
        await JudgeAsync(session, changes);
        await Eventually.BecomesAsync(() => AskAsync(session, site), o => o.Ending == Ending.Successful);
        Assert.Single(link.Log.Of(2041));
        Assert.Single(link.Log.Of(2042));
    }

    [Fact]
    public async Task A_restart_does_not_let_it_through()
    {
        var first = await postgres.NewDatabaseAsync();
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address);
        link.WithFile(File(api, link, first)).Start();
        Assert.NotNull((await (await api.NextSessionAsync()).WelcomeAsync()).Sites[0].DatabaseIdentity);
        await link.StopAsync();

        link.WithFile(File(api, link, new NpgsqlConnectionStringBuilder(first) { Database = "not_there" }.ConnectionString)).Start();
        var session = await api.NextSessionAsync();
        var site = Assert.Single((await session.WelcomeAsync()).Sites);
        Assert.Null(site.DatabaseIdentity);
        Assert.Contains("could not look at it", (await AskAsync(session, site.Id)).Error!.ErrorMessage, StringComparison.Ordinal);
        await link.StopAsync();

        // The old one again: nothing is in doubt.
        link.WithFile(File(api, link, first)).Start();
        session = await api.NextSessionAsync();
        Assert.NotNull((await session.WelcomeAsync()).Sites[0].DatabaseIdentity);
        Assert.Equal(Ending.Successful, (await AskAsync(session, site.Id)).Ending);
    }

    static string File(TestApi api, RunningLink link, string connectionString) => new JsonObject
    {
        ["api"] = api.Address,
        ["dataDirectory"] = Path.Combine(link.Folder, "data"),
        ["sites"] = new JsonArray(new JsonObject
        {
            ["engine"] = "postgres",
            ["connectionString"] = connectionString,
            ["practiceManagementName"] = "Zedmed",
            ["practiceManagementSiteId"] = "12345",
        }),
    }.ToJsonString();

    static async Task<SiteChanges> ChangesAsync(TestSession session) =>
        TestSession.Read(await session.NextAsync(FrameKind.SiteChanges), ProtocolJson.Default.SiteChanges);

    static async Task JudgeAsync(TestSession session, SiteChanges changes) => await session.SendAsync(FrameKind.SiteNotices, Guid.Empty,
        new SiteNotices([.. changes.Sites.Select(s => new SiteNotice(s.Id, true, true, "fine"))]) { Answers = changes.Id }, ProtocolJson.Default.SiteNotices);

    static async Task<Outcome> AskAsync(TestSession session, Guid site)
    {
        var id = Guid.NewGuid();
        await session.SendAsync(FrameKind.Execute, id, new Execute(site, Guid.Empty, new("SELECT 1"), 30_000, 60_000, 8 << 20), ProtocolJson.Default.Execute);
        return (await session.ResultAsync(id)).Outcome;
    }
}
