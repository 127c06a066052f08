using System.Text.Json;
using Halo.Api.Links.Configuration;
using Halo.Api.OpenApi;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Links.Configuration;

public class RemoteConfigurationTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_Link_is_told_in_Welcome_and_again_at_each_change_and_what_it_answers_is_shown(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await PutAsync(host, "", """{ "asyncLanes": 1, "immediateLanes": 3, "commandTimeoutMs": 5000 }""");
        var welcome = await link.StartAsync();
        Assert.Contains(Welcome.TakesSiteChanges, welcome.Capabilities);
        Assert.Equal(1, welcome.Configuration!.Version);
        Assert.Equal("""{"asyncLanes":1}""", Text(welcome.Configuration.Settings));

        var set = await PutAsync(host, $"sites/{link.SiteId}/", """{ "immediateLanes": 2, "logLevel": "debug" }""");
        var told = await ToldAsync(link);
        Assert.Equal(2, told.Version);
        Assert.Equal("""{"asyncLanes":1,"logLevel":"debug"}""", Text(told.Settings));
        Assert.Equal("""{"commandTimeoutMs":5000,"immediateLanes":2}""", Text(Assert.Single(told.Sites, s => s.SiteId == link.SiteId).Settings));
        Assert.Equal(2, set.GetProperty("effectiveVersion").GetInt64());
        Assert.Equal(4, set.GetProperty("effective").EnumerateObject().Count());
        Assert.False(set.TryGetProperty("applied", out _));

        await link.Line.SendAsync(FrameKind.ConfigurationAck, Guid.Empty,
            new ConfigurationAck(2, [new("logLevel", "switched off here")]), ProtocolJson.Default.ConfigurationAck);
        var shown = await Eventually.BecomesAsync(() => GetAsync(host, $"sites/{link.SiteId}/"), s => s.TryGetProperty("applied", out _));
        Assert.Equal(2, shown.GetProperty("applied").GetProperty("version").GetInt64());
        Assert.Equal("switched off here", Assert.Single(shown.GetProperty("applied").GetProperty("refused").EnumerateArray()).GetProperty("reason").GetString());
        var all = Assert.Single((await GetAsync(host, "")).GetProperty("applied").EnumerateArray());
        Assert.Equal(link.LinkId, all.GetProperty("linkId").GetGuid());

        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{link.SiteId}/configuration");
        told = await ToldAsync(link);
        Assert.Equal(3, told.Version);
        Assert.Equal("""{"asyncLanes":1}""", Text(told.Settings));

        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray().ToList();
        Assert.Equal(["all", $"{link.SiteId}"],
            audit.Where(a => a.GetProperty("action").GetString() == "configuration.set").Select(a => a.GetProperty("subject").GetString()));
        var removed = Assert.Single(audit, a => a.GetProperty("action").GetString() == "configuration.removed");
        Assert.Equal($"{link.SiteId}", removed.GetProperty("subject").GetString());
        var lastSet = audit.Last(a => a.GetProperty("action").GetString() == "configuration.set").GetProperty("detail");
        Assert.Equal((JsonValueKind.Null, lastSet.GetProperty("settings").GetRawText()),
            (lastSet.GetProperty("before").ValueKind, removed.GetProperty("detail").GetProperty("before").GetRawText()));
    }

    [Fact]
    public async Task What_Links_answered_is_paged()
    {
        await using var host = await ApiHost.StartAsync();
        var answered = new List<Guid>();
        for (var i = 0; i < 3; i++)
        {
            await using var link = new SimulatedLink(host) { PmsId = $"{i}" };
            await link.StartAsync();
            await link.Line.SendAsync(FrameKind.ConfigurationAck, Guid.Empty, new ConfigurationAck(0, []), ProtocolJson.Default.ConfigurationAck);
            answered.Add(link.LinkId);
            await Eventually.BecomesAsync(() => host.AdminAsync(HttpMethod.Get, "/admin/v1/configuration"), c => c.GetProperty("applied").GetArrayLength() == answered.Count);
        }
        var first = await host.AdminAsync(HttpMethod.Get, "/admin/v1/configuration?limit=2");
        var rest = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/configuration?limit=2&after={first.GetProperty("next").GetString()}");
        Assert.False(rest.TryGetProperty("next", out _));
        Assert.Equal(answered.Order(), first.GetProperty("applied").EnumerateArray().Concat(rest.GetProperty("applied").EnumerateArray()).Select(a => a.GetProperty("linkId").GetGuid()));
    }

    [Theory, OnBothStores]
    public async Task What_was_set_and_answered_outlives_the_service(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await PutAsync(host, "", """{ "heartbeatSeconds": 30 }""");
        await PutAsync(host, $"sites/{link.SiteId}/", """{ "uploads": 1 }""");
        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{link.SiteId}/configuration");
        await link.Line.SendAsync(FrameKind.ConfigurationAck, Guid.Empty, new ConfigurationAck(3, [new("uploads", "why")]), ProtocolJson.Default.ConfigurationAck);
        var services = host.Services;
        await Eventually.BecomesAsync(
            () => services.GetRequiredService<Database>().ReadAsync(r => r.GetInt64(0), "SELECT version FROM applied_configurations"), rows => rows is [3]);

        var next = new RemoteConfigurations(services.GetRequiredService<Database>(), services.GetRequiredService<SiteDirectory>(),
            services.GetRequiredService<Api.Links.Sessions.LinkSessions>(), services.GetRequiredService<AuditLog>(), TimeProvider.System, NullLogger<RemoteConfigurations>.Instance);
        await next.LoadAsync();
        Assert.Equal((1, """{"heartbeatSeconds":30}"""), (next.Default.Version, Text(next.Default.Settings!)));
        Assert.Null(next.Of(link.SiteId)!.Settings);
        Assert.Equal(3, next.For(link.LinkId).Version);
        Assert.Equal(new RefusedSetting("uploads", "why"), Assert.Single(Assert.Single(next.Applied).Refused));
    }

    [Theory, OnBothStores]
    public async Task No_two_changes_have_the_same_version(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(1, 16).Select(i =>
            PutAsync(host, i % 2 == 0 ? "" : $"sites/{link.SiteId}/", $$"""{ "asyncLanes": {{i}} }""")));
        Assert.Equal(16, answers.Length);
        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray()
            .Where(a => a.GetProperty("action").GetString() == "configuration.set").Select(a => a.GetProperty("detail").GetProperty("version").GetInt64());
        Assert.Equal(Enumerable.Range(1, 16).Select(i => (long)i), audit.Order());
        Assert.Equal(16, host.Services.GetRequiredService<RemoteConfigurations>().For(link.LinkId).Version);
    }

    [Fact]
    public async Task Every_fault_is_told_at_once_and_nothing_is_set()
    {
        await using var host = await ApiHost.StartAsync();
        using var refused = await host.SendAsync(HttpMethod.Put, "/admin/v1/configuration",
            """{ "asyncLanes": 0, "immediateLanes": "4", "uploads": 1.5, "logLevel": "none", "heartbeat": 5, "heartbeatSeconds": 301, "commandTimeoutMs": null }""",
            adminKey: ApiHost.AdminKey);
        var error = await refused.ErrorAsync(400);
        Assert.Equal(["asyncLanes", "heartbeat", "heartbeatSeconds", "immediateLanes", "logLevel", "uploads"], error.Errors!.Select(e => e.Field).Order());
        Assert.Equal(0, (await GetAsync(host, "")).GetProperty("version").GetInt64());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{")]
    public async Task What_is_no_object_of_settings_is_refused(string body)
    {
        await using var host = await ApiHost.StartAsync();
        using var refused = await host.SendAsync(HttpMethod.Put, "/admin/v1/configuration", body, adminKey: ApiHost.AdminKey);
        Assert.Equal("body", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task A_site_that_does_not_exist_is_404_and_without_the_operators_key_it_is_401(string method)
    {
        await using var host = await ApiHost.StartAsync();
        var path = $"/admin/v1/sites/{Guid.NewGuid()}/configuration";
        using var unknown = await host.SendAsync(new(method), path, method == "PUT" ? "{}" : null, adminKey: ApiHost.AdminKey);
        await unknown.ErrorAsync(404);
        using var stranger = await host.SendAsync(new(method), path, method == "PUT" ? "{}" : null);
        await stranger.ErrorAsync(401);
    }

    [Fact]
    public void Among_the_sites_of_one_Link_the_more_careful_word_counts()
    {
        var (a, b, c) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        var told = ConfigurationMerge.For(Stored(1, """{ "asyncLanes": 1, "uploads": 1, "immediateLanes": 9 }"""),
        [
            (a, Stored(4, """{ "asyncLanes": 3, "logLevel": "information", "immediateLanes": 2 }""")),
            (b, Stored(2, """{ "asyncLanes": 2, "logLevel": "debug", "heartbeatSeconds": 20 }""")),
            (c, null),
        ]);
        Assert.Equal(4, told.Version);
        Assert.Equal("""{"asyncLanes":2,"heartbeatSeconds":20,"logLevel":"debug","uploads":1}""", Text(told.Settings));
        Assert.Equal([2, 9, 9], told.Sites.Select(s => s.Settings["immediateLanes"].GetInt32()));
    }

    [Theory, OnBothStores]
    public async Task Sites_described_anew_in_an_open_session_are_judged_as_by_a_Hello(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        Assert.True(Assert.Single(await ChangeAsync(link, link.Site with { PracticeName = "New name" })).Confirmed);
        var site = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}");
        Assert.Equal("New name", site.GetProperty("practiceMetadata").GetProperty("practiceName").GetString());
        Assert.False(Assert.Single(await ChangeAsync(link, link.Site with { DatabaseIdentity = "db-2" })).Confirmed);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/confirm");
        Assert.True(Assert.Single(await NoticesAsync(link)).Confirmed);
        // Nobody else's site becomes its own by being named.
        await using var other = new SimulatedLink(host) { PmsId = "9" };
        await other.StartAsync();
        Assert.Empty(await ChangeAsync(link, other.Site with { PracticeName = "stolen" }));
        site = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{other.SiteId}");
        Assert.NotEqual("stolen", site.GetProperty("practiceMetadata").GetProperty("practiceName").GetString());
    }

    static async Task<IReadOnlyList<SiteNotice>> ChangeAsync(SimulatedLink link, params SiteDescription[] sites)
    {
        await link.Line.SendAsync(FrameKind.SiteChanges, Guid.Empty, new SiteChanges(link.RunId, sites), ProtocolJson.Default.SiteChanges);
        var notices = JsonSerializer.Deserialize((await link.ExpectAsync(FrameKind.SiteNotices)).Payload, ProtocolJson.Default.SiteNotices)!;
        Assert.Equal(link.RunId, notices.Answers);
        return notices.Sites;
    }

    static async Task<IReadOnlyList<SiteNotice>> NoticesAsync(SimulatedLink link) =>
        JsonSerializer.Deserialize((await link.ExpectAsync(FrameKind.SiteNotices)).Payload, ProtocolJson.Default.SiteNotices)!.Sites;

    static async Task<RemoteConfiguration> ToldAsync(SimulatedLink link) =>
        JsonSerializer.Deserialize((await link.ExpectAsync(FrameKind.Configuration)).Payload, ProtocolJson.Default.RemoteConfiguration)!;

    static Task<JsonElement> PutAsync(ApiHost host, string of, string body) => host.AdminAsync(HttpMethod.Put, $"/admin/v1/{of}configuration", body);

    static Task<JsonElement> GetAsync(ApiHost host, string of) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/{of}configuration");

    static StoredConfiguration Stored(long version, string settings) =>
        new(version, JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(settings), DateTimeOffset.UnixEpoch);

    static string Text(IReadOnlyDictionary<string, JsonElement> settings) => JsonSerializer.Serialize(new SortedDictionary<string, JsonElement>(settings.ToDictionary()));
}
