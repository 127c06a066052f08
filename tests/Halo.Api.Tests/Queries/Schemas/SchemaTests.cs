using System.Net.Http.Json;
using System.Text;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Schemas;

/// <summary>A schema as the API has it read, makes it of what a Link tells, keeps it, and gives it out.</summary>
public sealed class SchemaTests(OneHost one) : IClassFixture<OneHost>
{
    static readonly string[] Usual =
    [
        """[{"t":7,"s":"public","n":"visits","k":"table","c":null},{"t":"a","s":"public","n":"patients","k":"table","c":"Who \"comes\""},{"t":9,"s":"Ämter","n":"v","k":"view","c":null,"later":1}]""",
        """[{"t":"a","n":"id","y":"integer","u":false,"d":"1","c":null},{"t":"a","n":"name","y":"text","u":1,"d":null,"c":"c"},{"t":7,"n":"patient","y":"integer","u":0,"d":null,"c":null},{"t":404,"n":"lost","y":"","u":null,"d":null,"c":null}]""",
        """[{"t":"a","x":"patients_pkey","k":"p","n":"id"},{"t":"a","x":"by_name","k":"i","n":"name"},{"t":"a","x":"by_name","k":"i","n":"lower(x)"},{"t":"a","x":"u","k":"u","n":"name"},{"t":"a","x":"j","k":"j","n":"name"}]""",
        """[{"t":7,"x":0,"n":"patient","s":"public","m":"patients","o":null},{"t":7,"x":"whose","n":"patient","s":null,"m":"patients","o":"id"}]""",
        """[{"t":1,"s":"public","n":"book","k":"procedure","y":null,"c":null},{"t":2,"s":"public","n":"age","k":"function","y":"integer","c":null}]""",
        """[{"t":1,"n":"patient","y":"integer","k":"i"},{"t":1,"n":"number","y":"bigint","k":"o"}]""",
    ];

    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task It_is_read_once_kept_and_read_again_on_request()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        var execute = await TellAsync(link, Usual);
        Assert.Equal((null, null, null, true, null), (execute.Command, execute.Batch, execute.Describe, execute.Schema, execute.KeyHash));
        var schema = await SchemaOf(asked);
        Assert.Equal([("public", "patients", SchemaTableKind.Table, "Who \"comes\""), ("public", "visits", SchemaTableKind.Table, null), ("Ämter", "v", SchemaTableKind.View, null)],
            schema.Tables.Select(t => (t.Schema, t.Name, t.Kind, t.Comment)));
        var patients = schema.Tables[0];
        Assert.Equal([new("id", "integer", false) { Default = "1" }, new SchemaColumn("name", "text", true) { Comment = "c" }], patients.Columns);
        Assert.Equal(("patients_pkey", "id"), (patients.PrimaryKey!.Name, patients.PrimaryKey.Columns.Single()));
        Assert.Equal(("u", "name"), (patients.UniqueKeys!.Single().Name, patients.UniqueKeys!.Single().Columns.Single()));
        Assert.Equal(["by_name:name,lower(x):False", "j:name:True"], patients.Indexes!.Select(i => $"{i.Name}:{string.Join(',', i.Columns)}:{i.Unique}"));
        Assert.Equal([":patient:public:patients:", "whose:patient::patients:id"],
            schema.Tables[1].ForeignKeys!.Select(f => $"{f.Name}:{f.Columns.Single()}:{f.ReferencedSchema}:{f.ReferencedTable}:{f.ReferencedColumns?.Single()}"));
        Assert.Equal(["age:Function:integer:", "book:Procedure::patient integer Input,number bigint Output"],
            schema.Routines.Select(r => $"{r.Name}:{r.Kind}:{r.Returns}:{string.Join(',', r.Parameters.Select(p => $"{p.Name} {p.DatabaseType} {p.Direction}"))}"));

        // From what is kept, also for another spelling of the catalogue's name, while the site is away.
        await link.LeaveAsync();
        var kept = await SchemaOf(GetAsync(link, key, $"?catalogue={schema.Catalogue.ToUpperInvariant()}"));
        Assert.Equal((schema.ReadAt, schema.Hash, 3), (kept.ReadAt, kept.Hash, kept.Tables.Count));
        using (var away = await Eventually.BecomesAsync(() => GetAsync(link, key, "?refresh=true"), r => (int)r.StatusCode == 503))
            Assert.Equal(Executed.No, (await away.QueryAsync()).Executed);

        await link.StartAsync();
        string[] changed = [Usual[0], """[{"t":"a","n":"id","y":"bigint","u":false,"d":"1","c":null}]""", .. Usual[2..]];
        asked = GetAsync(link, key, "?refresh=true");
        await TellAsync(link, changed);
        var fresh = await SchemaOf(asked);
        Assert.NotEqual(schema.Hash, fresh.Hash);
        Assert.Equal("bigint", Assert.Single(fresh.Tables[0].Columns).DatabaseType);
        Assert.Equal(fresh.Hash, (await SchemaOf(GetAsync(link, key))).Hash);
    }

    [Fact]
    public async Task What_changed_is_told_to_whose_schema_it_is()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var (key, other) = (await _host.CreatePairedAsync(link.SiteId), await _host.CreatePairedAsync(link.SiteId));
        foreach (var one in (string[])[key, other])
        {
            var first = GetAsync(link, one);
            await TellAsync(link, Usual);
            await SchemaOf(first);
        }
        // The same again is no news.
        var asked = GetAsync(link, key, "?refresh=true");
        await TellAsync(link, Usual);
        await SchemaOf(asked);
        Assert.Empty(await EventsAsync(link.SiteId));
        asked = GetAsync(link, key, "?refresh=true");
        await TellAsync(link,
        [
            """[{"t":7,"s":"public","n":"visits","k":"table","c":null},{"t":"a","s":"public","n":"patients","k":"table","c":"Who \"comes\""},{"t":9,"s":"Ämter","n":"v","k":"table","c":null}]""",
            """[{"t":"a","n":"id","y":"bigint","u":false,"d":"1","c":null},{"t":"a","n":"born","y":"date","u":1,"d":null,"c":null},{"t":7,"n":"patient","y":"integer","u":0,"d":null,"c":null}]""",
            .. Usual[2..4],
            """[{"t":1,"s":"public","n":"book","k":"procedure","y":null,"c":null}]""", """[{"t":1,"n":"patient","y":"bigint","k":"i"}]""",
        ]);
        var schema = await SchemaOf(asked);
        var told = Assert.Single(await EventsAsync(link.SiteId));
        Assert.Equal((schema.Catalogue, schema.Hash, null), (told.Catalogue, told.Hash, told.MoreChanges));
        Assert.Equal(
            ["Added table Ämter.v", "Removed view Ämter.v", "Altered table public.patients +born -name ~id", "Removed function public.age", "Altered procedure public.book"],
            told.Changes!.Select(c => $"{c.Change} {c.Kind} {c.Schema}.{c.Name}" + Some("+", c.AddedColumns) + Some("-", c.RemovedColumns) + Some("~", c.AlteredColumns)));

        static string Some(string sign, IReadOnlyList<string>? columns) => columns is null ? "" : $" {sign}{string.Join(',', columns)}";
    }

    [Fact]
    public async Task It_is_read_again_where_the_Link_says_that_it_may_be_another_and_not_at_every_word()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        await using var stranger = await NewLinkAsync(Hello.ReadsSchemas);
        var (key, other) = (await _host.CreatePairedAsync(link.SiteId), await _host.CreatePairedAsync(link.SiteId));
        foreach (var one in (string[])[key, other])
        {
            var first = GetAsync(link, one);
            await TellAsync(link, Usual);
            await SchemaOf(first);
        }
        string[] changed = [Usual[0], """[{"t":"a","n":"id","y":"bigint","u":false,"d":"1","c":null}]""", .. Usual[2..]];
        await stranger.BeatAsync("another's", link.SiteId);
        await link.BeatAsync("one");
        foreach (var _ in (string[])[key, other])
            Assert.True((await TellAsync(link, changed)).Schema);
        Assert.Equal(2, (await Eventually.BecomesAsync(() => EventsAsync(link.SiteId), events => events.Count == 2)).Count);
        Assert.Equal("bigint", (await SchemaOf(GetAsync(link, key))).Tables[0].Columns.Single().DatabaseType);

        // The next word comes too soon: what the Link is sent next is something else.
        await link.BeatAsync("two");
        await link.BeatAsync("three");
        var next = _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", """{ "command": { "text": "SELECT 1 AS n" } }""", key);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal("SELECT 1 AS n", execute.Command?.Text);
        await link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var answered = await next;
    }

    [Fact]
    public async Task What_is_told_of_a_change_is_bounded()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        await TellAsync(link, ["""[{"t":0,"s":null,"n":"wide","k":"table","c":null}]""", "[]", "[]", "[]", "[]", "[]"]);
        await SchemaOf(asked);
        asked = GetAsync(link, key, "?refresh=true");
        var name = new string('n', 300);
        await TellAsync(link,
        [
            "[" + string.Join(',', Enumerable.Range(1, 150).Select(i => $$"""{"t":{{i}},"s":null,"n":"{{i}}{{name}}","k":"table","c":null}""").Append("""{"t":0,"s":null,"n":"wide","k":"table","c":null}""")) + "]",
            "[" + string.Join(',', Enumerable.Range(1, 50).Select(i => $$"""{"t":0,"n":"{{i}}","y":"int","u":1,"d":null,"c":null}""")) + "]",
            "[]", "[]", "[]", "[]",
        ]);
        await SchemaOf(asked);
        var told = Assert.Single(await EventsAsync(link.SiteId));
        Assert.Equal((100, 51), (told.Changes!.Count, told.MoreChanges));
        Assert.All(told.Changes!, c => Assert.Equal(256, c.Name.Length));
    }

    [Fact]
    public async Task The_same_schema_has_the_same_hash_in_whatever_order_and_numbers_it_comes()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        await TellAsync(link, Usual);
        var first = await SchemaOf(asked);
        asked = GetAsync(link, key, "?refresh=true");
        await TellAsync(link, [.. Usual.Select(p => p.Replace("\"t\":7", "\"t\":77", StringComparison.Ordinal).Replace("\"t\":\"a\"", "\"t\":\"b\"", StringComparison.Ordinal))]);
        Assert.Equal(first.Hash, (await SchemaOf(asked)).Hash);
    }

    [Fact]
    public async Task Each_integrator_has_its_own_and_it_goes_with_the_pairing()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var (one, other) = (await _host.CreatePairedAsync(link.SiteId), await _host.CreatePairedAsync(link.SiteId));
        var asked = GetAsync(link, one);
        await TellAsync(link, Usual);
        await SchemaOf(asked);
        asked = GetAsync(link, other);
        await TellAsync(link, ["""[{"t":1,"s":null,"n":"all_that_it_sees","k":"table","c":null}]""", "[]", "[]", "[]", "[]", "[]"]);
        Assert.Equal("all_that_it_sees", Assert.Single((await SchemaOf(asked)).Tables).Name);
        Assert.Equal(3, (await SchemaOf(GetAsync(link, one))).Tables.Count);

        var database = _host.Services.GetRequiredService<Database>();
        var stored = await database.ReadAsync(r => r.GetFieldValue<byte[]>(0), "SELECT content FROM database_schemas WHERE site_id = @site", ("site", link.SiteId));
        Assert.Equal(2, stored.Count);
        Assert.All(stored, content => Assert.True(content.AsSpan().IndexOf("patients"u8) < 0 && content.AsSpan().StartsWith("HALO"u8)));
        await database.WriteAsync(t => t.RunAsync("DELETE FROM pairings WHERE site_id = @site", ("site", link.SiteId)));
        Assert.Empty(await database.ReadAsync(r => r.GetGuid(0), "SELECT id FROM database_schemas WHERE site_id = @site", ("site", link.SiteId)));
    }

    [Fact]
    public async Task Those_who_ask_at_once_let_the_practice_be_asked_once()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = Enumerable.Range(0, 8).Select(_ => GetAsync(link, key, "?refresh=true")).ToList();
        await TellAsync(link, Usual);
        var told = new List<DatabaseSchema>();
        // Those that came only after a reading had begun are told anew, together.
        while (told.Count < asked.Count)
        {
            var next = link.ExpectExecuteAsync();
            var done = Task.WhenAll(asked);
            if (await Task.WhenAny(next, done) == next)
            {
                await TellAsync(link, Usual, await next);
                continue;
            }
            foreach (var one in asked)
                told.Add(await SchemaOf(one));
        }
        // On a busy machine they come in waves, each of which has a reading of its own.
        Assert.InRange(told.Select(s => s.ReadAt).Distinct().Count(), 1, asked.Count - 1);
    }

    [Fact]
    public async Task Who_asks_while_it_is_read_is_told_what_is_read_after_that()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var first = GetAsync(link, key, "?refresh=true");
        var reading = await link.ExpectExecuteAsync();
        var second = GetAsync(link, key, "?refresh=true");
        await TellAsync(link, Usual, reading);
        Assert.Equal(3, (await SchemaOf(first)).Tables.Count);
        await TellAsync(link, ["""[{"t":1,"s":null,"n":"made_meanwhile","k":"table","c":null}]""", "[]", "[]", "[]", "[]", "[]"]);
        Assert.Equal("made_meanwhile", Assert.Single((await SchemaOf(second)).Tables).Name);
    }

    [Fact]
    public async Task What_cannot_be_opened_any_more_is_read_again()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        await TellAsync(link, Usual);
        await SchemaOf(asked);
        var database = _host.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync("UPDATE database_schemas SET content = @broken WHERE site_id = @site", ("broken", new byte[100]), ("site", link.SiteId)));
        for (var i = 0; i < 2; i++)
        {
            asked = GetAsync(link, key, i == 0 ? "" : "?refresh=true");
            await TellAsync(link, Usual);
            Assert.Equal(3, (await SchemaOf(asked)).Tables.Count);
        }
        Assert.Equal(3, (await SchemaOf(GetAsync(link, key))).Tables.Count);
    }

    [Fact]
    public async Task What_is_kept_goes_where_the_practice_does_not_allow_it_any_more()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        foreach (var query in (string[])["", "?catalogue=Images"])
        {
            var first = GetAsync(link, key, query);
            await TellAsync(link, Usual);
            await SchemaOf(first);
        }
        var asked = GetAsync(link, key, "?refresh=true");
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = Failure.Of(FailureCodes.PolicyRefused) });
        using (var refused = await asked)
            Assert.Equal(403, (int)refused.StatusCode);
        Assert.Equal(3, (await SchemaOf(GetAsync(link, key, "?catalogue=Images"))).Tables.Count);
        asked = GetAsync(link, key);
        await TellAsync(link, ["""[{"t":1,"s":null,"n":"allowed_again","k":"table","c":null}]""", "[]", "[]", "[]", "[]", "[]"]);
        Assert.Equal("allowed_again", Assert.Single((await SchemaOf(asked)).Tables).Name);
    }

    [Theory]
    [InlineData(0, "{}")]
    [InlineData(0, "[{}]")]
    [InlineData(0, "[1]")]
    [InlineData(0, """[{"t":{"deep":1},"n":"x"}]""")]
    [InlineData(0, """[{"t":1,"n":null}]""")]
    [InlineData(1, """[{"n":"without t"}]""")]
    [InlineData(3, """[{"t":7,"x":null,"n":"a","m":"b"}]""")]
    [InlineData(5, "nonsense")]
    [InlineData(1, """[{"t":"a","n":"\ud800","y":"text"}]""")]
    [InlineData(-1, "")]
    public async Task What_a_Link_says_that_is_no_catalogue_is_refused_and_not_kept(int part, string json)
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        await TellAsync(link, part < 0 ? Usual[..4] : [.. Usual.Select((p, i) => i == part ? json : p)]);
        using (var response = await asked)
        {
            var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse, TestContext.Current.CancellationToken))!.Error;
            Assert.Equal((500, ErrorCodes.InternalError), ((int)response.StatusCode, error.Code));
        }
        asked = GetAsync(link, key);
        await TellAsync(link, Usual);
        Assert.Equal(3, (await SchemaOf(asked)).Tables.Count);
    }

    [Theory]
    [InlineData(499_999, 200)]
    [InlineData(500_000, 200)]
    [InlineData(500_001, 500)]
    public async Task Rows_beyond_what_any_database_has_are_refused_however_they_are_spread(int rows, int status)
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var asked = GetAsync(link, await _host.CreatePairedAsync(link.SiteId));
        await TellAsync(link, ["""[{"t":1,"n":"x"}]""", Of(250_000), "[]", "[]", "[]", Of(rows - 250_001)]);
        using var response = await asked;
        Assert.Equal(status, (int)response.StatusCode);

        static string Of(int rows) => $"[{string.Join(',', Enumerable.Repeat("""{"t":4}""", rows))}]";
    }

    [Fact]
    public async Task One_that_is_too_large_is_told_as_any_result()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var asked = GetAsync(link, await _host.CreatePairedAsync(link.SiteId));
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal(8 << 20, execute.MaxResultBytes);
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.Yes) { Error = Failure.ResultTooLarge(execute.MaxResultBytes) });
        using var response = await asked;
        Assert.Equal((413, FailureCodes.ResultTooLarge), ((int)response.StatusCode, (await response.QueryAsync()).ErrorDetails?.Code));
    }

    [Fact]
    public async Task A_Link_that_is_too_old_is_not_asked_and_what_is_kept_is_still_told()
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = GetAsync(link, key);
        await TellAsync(link, Usual);
        await SchemaOf(asked);
        await link.LeaveAsync();
        link.Capabilities = [Hello.RunsBatches, Hello.DescribesCommands];
        await link.StartAsync();
        using (var refused = await GetAsync(link, key, "?refresh=true"))
        {
            Assert.Equal(409, (int)refused.StatusCode);
            Assert.Contains("too old", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        Assert.Equal(3, (await SchemaOf(GetAsync(link, key))).Tables.Count);
    }

    [Theory]
    [InlineData("?catalogue=nowhere", "catalogue")]
    [InlineData("?catalogue=", "catalogue")]
    [InlineData("?refresh=yes&catalogue=nowhere", "catalogue,refresh")]
    [InlineData("?refresh=TRUE", "refresh")]
    [InlineData("?catalog=x", "catalog")]
    public async Task Faults_are_named_all_at_once(string query, string fields)
    {
        await using var link = await NewLinkAsync(Hello.ReadsSchemas);
        using var response = await GetAsync(link, await _host.CreatePairedAsync(link.SiteId), query);
        var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse, TestContext.Current.CancellationToken))!.Error;
        Assert.Equal((400, fields), ((int)response.StatusCode, string.Join(',', error.Errors!.Select(e => e.Field))));
    }

    async Task<SimulatedLink> NewLinkAsync(params string[] capabilities)
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString(), Capabilities = capabilities };
        await link.StartAsync();
        return link;
    }

    Task<List<EventData>> EventsAsync(Guid siteId) => _host.Services.GetRequiredService<Database>().ReadAsync(
        r => System.Text.Json.JsonSerializer.Deserialize(r.GetString(0), HaloJson.Default.EventData)!, "SELECT data FROM events WHERE type = 'schema.changed' AND site_id = @site", ("site", siteId));

    Task<HttpResponseMessage> GetAsync(SimulatedLink link, string key, string query = "") => _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{link.SiteId}/schema{query}", null, key);

    static async Task<DatabaseSchema> SchemaOf(Task<HttpResponseMessage> asked)
    {
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(HaloJson.Default.DatabaseSchema, TestContext.Current.CancellationToken))!;
    }

    static async Task<Execute> TellAsync(SimulatedLink link, string[] parts) => await TellAsync(link, parts, await link.ExpectExecuteAsync());

    static async Task<Execute> TellAsync(SimulatedLink link, string[] parts, (Guid Id, Execute Execute) asked)
    {
        foreach (var chunk in Encoding.UTF8.GetBytes(string.Concat(parts)).Chunk(32 * 1024))
            await link.Line.SendAsync(FrameKind.Rows, asked.Id, chunk);
        var sizes = parts.Select(Encoding.UTF8.GetByteCount).ToList();
        await link.TellAsync(asked.Id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 1, Size = sizes.Sum(), Results = [.. sizes.Select(s => new BatchResult { Rows = 1, Size = s, ResultSets = 1 })] });
        return asked.Execute;
    }
}
