using System.Net;
using System.Text;
using System.Text.Json;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Registered;

/// <summary>Registered queries at the service, on both stores; the Link is simulated.</summary>
public sealed class RegisteredQueriesTests(SharedPostgres postgres)
{
    static readonly string[] Id = ["id"];

    [Theory]
    [InlineData(StoreKind.Sqlite)]
    [InlineData(StoreKind.Postgres)]
    public async Task A_Link_is_told_and_gets_what_it_has_to_run(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(""", "changes": { "key": ["id"] }""");
        await site.Site.Link.ExpectAsync(FrameKind.RegisteredChanged);
        var head = Assert.Single((await site.ListForLinkAsync()).Items);
        Assert.Equal(id, head.Id);
        Assert.InRange(head.RemainingMs, 3_500_000, 3_600_000);
        var query = await site.DefinitionAsync(id);
        Assert.Equal(("SELECT 1 AS id", 60_000, 60_000, 8 << 20), (query.Command.Text, query.FrequencyMs, query.LimitMs, query.MaxResultBytes));
        Assert.Equal(Id, query.Key);
        Assert.Equal((site.Site.Link.SiteId, null, 0L), (query.SiteId, query.LastHash, query.Counts.Runs));
    }

    [Theory]
    [InlineData(StoreKind.Sqlite)]
    [InlineData(StoreKind.Postgres)]
    public async Task A_report_that_is_told_twice_or_comes_late_changes_nothing(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(""", "changes": { "key": ["id"] }""");
        Assert.Equal(200, (int)(await site.TellAsync(id, 1, """[{"id":1}]""", Id)).StatusCode);
        Assert.Equal(200, (int)(await site.TellAsync(id, 2, """[{"id":1},{"id":2}]""", Id)).StatusCode);
        var before = await site.FindAsync(id);
        var changes = await site.ChangesAsync(id);
        Assert.Equal(200, (int)(await site.TellAsync(id, 2, """[{"id":1},{"id":2}]""", Id)).StatusCode);
        Assert.Equal(200, (int)(await site.FailAsync(id, 1, new(ErrorTypes.Sqlite, 1, "no such table"))).StatusCode);
        Assert.Equal(before, await site.FindAsync(id));
        Assert.Equal(changes, await site.ChangesAsync(id));
        Assert.Equal(2, JsonDocument.Parse(changes).RootElement.GetProperty("changes").GetArrayLength());
        // A Link that was started again goes on from here.
        var query = await site.DefinitionAsync(id);
        Assert.Equal((2L, before.LastHash), (query.Counts.Succeeded, query.LastHash));
    }

    [Theory]
    [InlineData(StoreKind.Sqlite)]
    [InlineData(StoreKind.Postgres)]
    public async Task It_ends_at_its_time_wherever_it_is_looked_at_and_its_result_a_day_later(StoreKind kind)
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(kind, postgres, time);
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(duration: 60);
        await site.TellAsync(id, 1, """[{"id":1}]""");
        time.Advance(TimeSpan.FromSeconds(59.999));
        Assert.Equal(RegisteredQueryStatus.Enabled, (await site.FindAsync(id)).Status);
        Assert.Single((await site.ListForLinkAsync()).Items);
        time.Advance(TimeSpan.FromMilliseconds(1));
        var ended = await site.FindAsync(id);
        Assert.Equal((RegisteredQueryStatus.Completed, ended.ExpiresAt), (ended.Status, ended.CompletedAt!.Value));
        Assert.Empty((await site.ListForLinkAsync()).Items);
        Assert.Equal(HttpStatusCode.Gone, (await site.TellAsync(id, 2, """[{"id":2}]""")).StatusCode);
        using (var kept = await site.Site.SendAsync(HttpMethod.Get, $"/registered/{id}/results"))
            Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
        for (var hour = 0; hour < 25; hour++)
            time.Advance(TimeSpan.FromHours(1));
        await Until.TrueAsync(async () =>
        {
            using var gone = await site.Site.SendAsync(HttpMethod.Get, $"/registered/{id}/results");
            return gone.StatusCode == HttpStatusCode.Gone;
        });
    }

    [Fact]
    public async Task So_many_may_run_at_one_site_and_no_more()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:RegisteredPerSite=2");
        await using var site = await RegisteredSite.CreateAsync(host);
        var first = await site.RegisterAsync();
        await site.RegisterAsync();
        using (var third = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body()))
            Assert.Equal(ErrorCodes.Conflict, (await third.ErrorAsync(409)).Code);
        using (await site.Site.SendAsync(HttpMethod.Delete, $"/registered/{first}"))
            await site.RegisterAsync();
    }

    [Fact]
    public async Task Who_loses_the_right_to_a_site_loses_what_is_registered_there()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        var integrator = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators").EnumerateArray().Single().GetProperty("id").GetString();
        using (var unpaired = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{integrator}/pairings/{site.Site.Link.SiteId}", adminKey: ApiHost.AdminKey))
            Assert.True(unpaired.IsSuccessStatusCode);
        Assert.Empty((await site.ListForLinkAsync()).Items);
        Assert.Equal(HttpStatusCode.Gone, (await site.TellAsync(id, 1, """[{"id":1}]""")).StatusCode);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{integrator}/pairings/{site.Site.Link.SiteId}");
        Assert.Equal(RegisteredQueryStatus.Cancelled, (await site.FindAsync(id)).Status);
    }

    [Fact]
    public async Task Nothing_is_taken_of_a_site_that_waits_for_an_operator()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        await site.Site.Link.LeaveAsync();
        var hello = site.Site.Link.Hello();
        await site.Site.Link.ConnectAsync(hello with { Capabilities = [Hello.RunsRegisteredQueries], Sites = [.. hello.Sites.Select(s => s with { DatabaseIdentity = "another" })] });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await site.TellAsync(id, 1, "[{\"id\":1}]")).StatusCode);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{site.Site.Link.SiteId}/confirm");
        Assert.Equal("", (await site.FindAsync(id)).LastHash);
        Assert.Equal(HttpStatusCode.OK, (await site.TellAsync(id, 1, "[{\"id\":1}]")).StatusCode);
    }

    [Fact]
    public async Task What_the_practice_does_not_allow_is_cancelled_and_says_why()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        var refused = new ErrorDetails(ErrorTypes.HaloLink, 403, "The practice's policy does not allow this integrator reader.") { Code = FailureCodes.PolicyRefused };
        Assert.Equal(HttpStatusCode.Gone, (await site.FailAsync(id, 1, refused, forbidden: true)).StatusCode);
        var query = await site.FindAsync(id);
        Assert.Equal((RegisteredQueryStatus.Cancelled, FailureCodes.PolicyRefused), (query.Status, query.LastErrorDetails!.Code));
    }

    [Fact]
    public async Task A_Link_that_is_too_old_is_named()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsBatches);
        using var refused = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body());
        Assert.Equal(ErrorCodes.VersionTooOld, (await refused.ErrorAsync(409)).Code);
    }

    [Fact]
    public async Task A_site_that_is_away_is_told_when_it_comes_back()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        await site.Site.Link.LeaveAsync();
        var id = await site.RegisterAsync();
        var welcome = await site.Site.Link.ConnectAsync(site.Site.Link.Hello() with { Capabilities = [Hello.RunsRegisteredQueries] });
        Assert.Contains(Welcome.HasRegisteredQueries, welcome.Capabilities);
        Assert.Equal(id, Assert.Single((await site.ListForLinkAsync()).Items).Id);
    }

    [Fact]
    public async Task Another_Link_gets_and_tells_nothing_of_it()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        await using var other = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        Assert.Empty((await other.ListForLinkAsync()).Items);
        using (var found = await other.AskAsLinkAsync(HttpMethod.Get, $"/link/v1/registered/{id}"))
            Assert.Equal(HttpStatusCode.Gone, found.StatusCode);
        Assert.Equal(HttpStatusCode.Gone, (await site.TellAsync(id, 1, """[{"id":1}]""", by: other.Site.Link)).StatusCode);
        Assert.Equal("", (await site.FindAsync(id)).LastHash);
    }

    [Theory]
    [InlineData("[{\"id\":1}]", "0000000000000000000000000000000000000000000000000000000000000000", null, "does not have the hash")]
    [InlineData("[{\"id\":1}]", null, 9L, "more bytes of JSON than the 9")]
    [InlineData("[{\"id\":1}]", null, 11L, "has 10 bytes of JSON")]
    [InlineData("[{\"id\":1}]", null, 8388609L, "a result may have 8388608")]
    [InlineData("[{\"id\":1}]", null, -1L, "no report")]
    [InlineData("[{\"id\":1}]", "00", null, "no report")]
    [InlineData("[[1]]", null, null, "not a JSON array of row objects")]
    [InlineData("[{\"id\":1}]\n", null, null, "line breaks")]
    public async Task Rows_that_are_not_what_the_report_says_are_refused(string rows, string? hash, long? size, string words)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        using var refused = await site.TellAsync(id, 1, rows, hash: hash, size: size);
        Assert.Contains(words, (await refused.ErrorAsync(400)).Message, StringComparison.Ordinal);
        Assert.Equal("", (await site.FindAsync(id)).LastHash);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\u0005\0\0\0{}")]
    [InlineData("\u0002\0\0\0{}")]
    [InlineData("\u0003\0\0\0{\"}")]
    public async Task What_is_no_report_is_refused(string body)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        using var refused = await site.AskAsLinkAsync(HttpMethod.Put, $"/link/v1/registered/{id}/report", Encoding.ASCII.GetBytes(body));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [Fact]
    public async Task Of_a_result_that_is_not_known_any_more_all_rows_come_anew()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(""", "changes": { "key": ["id"] }""");
        Assert.Equal("""{"changes":[],"next":"0"}""", await site.ChangesAsync(id));
        await site.TellAsync(id, 1, """[{"id":1}]""", Id);
        await site.TellAsync(id, 2, """[{"id":2}]""", Id);
        foreach (var unknown in (string[])["?after=3", "?after=-1", "?after=x"])
        {
            var reset = JsonDocument.Parse(await site.ChangesAsync(id, unknown)).RootElement;
            Assert.Equal("2", reset.GetProperty("next").GetString());
            var change = Assert.Single(reset.GetProperty("changes").EnumerateArray());
            Assert.Equal((true, "[{\"id\":2}]"), (change.GetProperty("reset").GetBoolean(), change.GetProperty("added").GetRawText()));
        }
        Assert.Equal("""{"changes":[],"next":"2"}""", await site.ChangesAsync(id, "?after=2"));
    }

    [Fact]
    public async Task Changes_that_were_not_asked_for_are_named()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        using var response = await site.Site.SendAsync(HttpMethod.Get, $"/registered/{id}/changes");
        Assert.Contains("registered without changes", (await response.ErrorAsync(409)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_practice_found_too_large_is_no_reason_to_cancel()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        var refused = new ErrorDetails(ErrorTypes.HaloLink, 403, "The practice's rule \"maxRows\" allows 1000 rows.") { Code = FailureCodes.PolicyRefused };
        Assert.Equal(HttpStatusCode.OK, (await site.FailAsync(id, 1, refused)).StatusCode);
        Assert.Equal(RegisteredQueryStatus.Enabled, (await site.FindAsync(id)).Status);
    }

    [Theory]
    [InlineData(-1, 0, 1)]
    [InlineData(1L << 40, 0, 1)]
    [InlineData(1, -1, 1)]
    [InlineData(1, long.MaxValue, 1)]
    [InlineData(1, 0, -1)]
    [InlineData(1, 0, long.MaxValue)]
    public async Task Numbers_that_no_Link_comes_to_are_refused(long succeeded, long failed, long rows)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        using var refused = await site.TellAsync(id, new RegisteredReport(new(succeeded, failed)) { Hash = new string('0', 64), Rows = rows, Size = 10 }, []);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(0, (await site.FindAsync(id)).Metrics.ExecutionSucceededCount);
    }

    [Theory]
    [InlineData(StoreKind.Sqlite)]
    [InlineData(StoreKind.Postgres)]
    public async Task Changes_over_their_bound_go_and_who_had_not_come_to_them_begins_anew(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, "Halo:Limits:RegisteredChangesBytes=1024");
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(""", "changes": { "key": ["id"] }""");
        string Row(int run) => $$"""[{"id":{{run}},"text":"{{new string('x', 400)}}"}]""";
        await site.TellAsync(id, 1, Row(1), Id);
        await site.TellAsync(id, 2, Row(2), Id);
        Assert.Equal(["1", "2"], await NumbersAsync(""));
        await site.TellAsync(id, 3, Row(3), Id);
        // Two of about 460 bytes have room, three have not.
        Assert.Equal(["reset"], await NumbersAsync(""));
        Assert.Equal(["2", "3"], await NumbersAsync("?after=1"));

        async Task<List<string>> NumbersAsync(string after)
        {
            var read = JsonDocument.Parse(await site.ChangesAsync(id, after)).RootElement;
            Assert.Equal(after.Length > 0 || read.GetProperty("changes").GetArrayLength() == 1 ? "3" : "2", read.GetProperty("next").GetString());
            return [.. read.GetProperty("changes").EnumerateArray().Select(c => c.GetProperty("reset").GetBoolean() ? "reset" : c.GetProperty("added")[0].GetProperty("id").GetRawText())];
        }
    }

    [Theory]
    [InlineData(StoreKind.Sqlite)]
    [InlineData(StoreKind.Postgres)]
    public async Task One_that_cannot_be_read_any_more_is_cancelled_and_no_other_suffers(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await RegisteredSite.CreateAsync(host);
        var (broken, sound) = (await site.RegisterAsync(), await site.RegisterAsync());
        await site.TellAsync(broken, 1, """[{"id":1}]""");
        var database = host.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync("UPDATE registered_queries SET wrapped_key = @key WHERE id = @id", ("key", new byte[60]), ("id", broken)));
        using (var list = await site.Site.SendAsync(HttpMethod.Get, "/registered"))
            Assert.Equal(HttpStatusCode.OK, list.StatusCode);
        using (var gone = await site.AskAsLinkAsync(HttpMethod.Get, $"/link/v1/registered/{broken}"))
            Assert.Equal(HttpStatusCode.Gone, gone.StatusCode);
        Assert.Equal(RegisteredQueryStatus.Cancelled, (await site.FindAsync(broken)).Status);
        Assert.Equal("SELECT 1 AS id", (await site.DefinitionAsync(sound)).Command.Text);
    }

    [Fact]
    public async Task Of_a_result_before_that_cannot_be_read_any_more_all_rows_come_anew()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync(""", "changes": { "key": ["id"] }""");
        await site.TellAsync(id, 1, """[{"id":1}]""", Id);
        var database = host.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync("UPDATE registered_queries SET result = @result WHERE id = @id", ("result", new byte[100]), ("id", id)));
        Assert.Equal(HttpStatusCode.OK, (await site.TellAsync(id, 2, """[{"id":1},{"id":2}]""", Id)).StatusCode);
        var change = JsonDocument.Parse(await site.ChangesAsync(id, "?after=1")).RootElement.GetProperty("changes")[0];
        Assert.Equal((true, 2), (change.GetProperty("reset").GetBoolean(), change.GetProperty("added").GetArrayLength()));
    }

    [Theory]
    [InlineData(0, 202)]
    [InlineData(1, 413)]
    public async Task A_command_has_at_most_so_many_bytes_on_its_way(int more, int status)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        string Padded(int length) => RegisteredSite.Body().Replace("\"text\": \"SELECT 1 AS id\"",
            $"\"text\": \"SELECT 1\", \"parameters\": [{{\"name\":\"p\",\"value\":\"{new string('x', length)}\"}}]", StringComparison.Ordinal);
        // What stands around the value is found once, and the rest is counted.
        var around = (int)Halo.Api.Ledger.Records.RequestSize.OnTheLine(new(Guid.Empty, Guid.Empty, new("SELECT 1") { Parameters = [new("p") { Value = JsonSerializer.SerializeToElement("") }] }, 0, 0, 0));
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", Padded(2 * 1024 * 1024 - around + more));
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task The_commands_own_timeout_holds_where_it_is_shorter()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        using var response = await site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body().Replace("SELECT 1 AS id\"", "SELECT 1 AS id\", \"timeout\": 1500", StringComparison.Ordinal));
        var id = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetGuid();
        Assert.Equal(1500, (await site.DefinitionAsync(id)).LimitMs);
    }

    [Fact]
    public async Task A_renewal_without_a_length_has_its_duration_too()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await RegisteredSite.CreateAsync(host);
        var id = await site.RegisterAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{site.Site.Path}/registered/{id}/renew") { Content = new StreamContent(new Unsized("{\"duration\":7200}"u8.ToArray())) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.TransferEncodingChunked = true;
        request.Headers.Add("Ocp-Apim-Subscription-Key", site.Site.Key);
        using var renewed = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, renewed.StatusCode);
        Assert.Equal(7200, (await site.FindAsync(id)).Duration);
    }

    /// <summary>Does not say how long it is, so that no Content-Length goes out.</summary>
    sealed class Unsized(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
