using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Queries.Immediate;
using Halo.Api.Results.Formats;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints.ForIntegrators.Submission;

public class ImmediateStreamsTests(ImmediateStreamsTests.ImpatientHost one) : IClassFixture<ImmediateStreamsTests.ImpatientHost>
{
    const string Body = """{ "command": { "text": "SELECT id, name FROM t" } }""";
    const string Lines = "application/x-ndjson";
    static readonly ResultColumn[] Columns = [new("id", SqlType.BigInt, "bigint"), new("name", SqlType.NVarChar, "text")];
    readonly ApiHost _host = one.Host;

    /// <summary>A service that waits two seconds for slow callers, and takes no immediate result over a kilobyte.</summary>
    public sealed class ImpatientHost : IAsyncLifetime
    {
        public ApiHost Host { get; private set; } = null!;

        public async ValueTask InitializeAsync() =>
            Host = await ApiHost.StartAsync("Halo:Limits:SlowReaderMs=2000", "Halo:Limits:ImmediateResultBytes=1024");

        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }

    async Task<(SimulatedLink Link, string Key, string Path)> PairedAsync()
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        return (link, await _host.CreatePairedAsync(link.SiteId), $"/integrator/sites/{link.SiteId}/queries");
    }

    async Task<HttpResponseMessage> AskAsync(string path, string key, string accept, string body = Body, string? integers = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{path}/immediate") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (integers is not null)
            request.Headers.Add("Halo-Integers", integers);
        return await _host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    static ValueTask<bool> ColumnsAsync(SimulatedLink link, Guid id) =>
        link.Line.SendAsync(FrameKind.Columns, id, new ResultHead(Columns), ProtocolJson.Default.ResultHead);

    static async Task RowsAsync(SimulatedLink link, Guid id, string json)
    {
        foreach (var piece in Encoding.UTF8.GetBytes(json).Chunk(ProtocolLimits.MaxChunkBytes))
            await link.Line.SendAsync(FrameKind.Rows, id, piece);
    }

    static Outcome Success(string json, long rows) =>
        new(Ending.Successful, Executed.Yes) { Rows = rows, Size = Encoding.UTF8.GetByteCount(json), ResultSets = 1 };

    [Theory]
    [InlineData("application/vnd.halo.rows+json", """[{"id":1,"name":"a,b"},{"id":2,"name":null}]""")]
    [InlineData(Lines, "{\"id\":1,\"name\":\"a,b\"}\n{\"id\":2,\"name\":null}\n")]
    [InlineData("application/vnd.halo.table+json", """[[{"name":"id","type":"BigInt","databaseType":"bigint"},{"name":"name","type":"NVarChar","databaseType":"text"}],{"id":1,"name":"a,b"},{"id":2,"name":null}]""")]
    [InlineData("text/csv", "id,name\r\n1,\"a,b\"\r\n2,\r\n")]
    public async Task Rows_come_by_themselves_in_the_form_that_is_accepted(string accept, string expected)
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, accept);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal(long.MaxValue, execute.MaxResultBytes);
        const string json = """[{"id":1,"name":"a,b"},{"id":2,"name":null}]""";
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, json);
        await link.TellAsync(id, Success(json, 2));
        using var response = await asked;
        Assert.Equal((200, accept), ((int)response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal(id.ToString(), response.Headers.GetValues(StreamedResponseWriter.QueryIdHeader).Single());
        Assert.Equal(expected, await response.Content.ReadAsStringAsync());
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        Assert.Equal(QueryStatus.Successful, (await later.QueryAsync()).Status);
    }

    [Fact]
    public async Task Rows_are_there_before_the_query_has_ended()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, Lines);
        var (id, _) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, """[{"id":1,"name":"a"},""");
        using var response = await asked;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("""{"id":1,"name":"a"}""", await reader.ReadLineAsync());
        await RowsAsync(link, id, """{"id":2,"name":"b"}]""");
        Assert.Equal("""{"id":2,"name":"b"}""", await reader.ReadLineAsync());
        var end = reader.ReadLineAsync();
        Assert.False(end.IsCompleted);
        await link.TellAsync(id, Success("""[{"id":1,"name":"a"},{"id":2,"name":"b"}]""", 2));
        Assert.Null(await end);
    }

    [Fact]
    public async Task Whoever_is_told_the_id_finds_the_query_by_it_though_its_rows_still_come()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        for (var i = 0; i < 20; i++)
        {
            var asked = AskAsync(path, key, Lines);
            var (id, _) = await link.ExpectExecuteAsync();
            await ColumnsAsync(link, id);
            await RowsAsync(link, id, """[{"id":1,"name":"a"}""");
            using var response = await asked;
            using var found = new HttpRequestMessage(HttpMethod.Get, $"{path}/{response.Headers.GetValues(StreamedResponseWriter.QueryIdHeader).Single()}");
            found.Headers.Add("Ocp-Apim-Subscription-Key", key);
            using var answer = await _host.Client.SendAsync(found);
            Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
            await RowsAsync(link, id, "]");
            await link.TellAsync(id, Success("""[{"id":1,"name":"a"}]""", 1));
            await response.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task Of_a_query_that_the_store_did_not_take_no_rows_are_given_and_it_is_stopped()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var database = _host.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync(
            "CREATE TRIGGER full BEFORE INSERT ON queries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"));
        try
        {
            var asked = AskAsync(path, key, Lines);
            var (id, _) = await link.ExpectExecuteAsync();
            await ColumnsAsync(link, id);
            await RowsAsync(link, id, """[{"id":1,"name":"a"},""");
            using var response = await asked;
            Assert.Equal(System.Net.HttpStatusCode.GatewayTimeout, response.StatusCode);
            Assert.Equal(id, (await link.ExpectAsync(FrameKind.Cancel)).QueryId);
        }
        finally
        {
            await database.WriteAsync(t => t.RunAsync("DROP TRIGGER full"));
        }
    }

    [Fact]
    public async Task An_answer_of_one_frame_is_streamed_alike()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, "text/csv");
        var (id, _) = await link.ExpectExecuteAsync();
        await link.AnswerWholeAsync(id, """[{"n":1}]""", 1);
        using var response = await asked;
        Assert.Equal("n\r\n1\r\n", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_result_over_the_limit_of_immediate_ones_is_whole()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, "application/vnd.halo.rows+json");
        var (id, _) = await link.ExpectExecuteAsync();
        var json = "[" + string.Join(',', Enumerable.Range(0, 5000).Select(i => $$"""{"id":{{i}},"name":"{{new string('x', 40)}}"}""")) + "]";
        Assert.True(json.Length < ProtocolLimits.CreditWindowBytes * 2);
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, json);
        await link.TellAsync(id, Success(json, 5000));
        using var response = await asked;
        Assert.Equal(json, await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_error_before_the_first_row_has_its_status_and_the_contracts_body()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, "text/csv");
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such table: t") });
        using var response = await asked;
        Assert.Equal((400, "application/json"), ((int)response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal("no such table: t", (await response.QueryAsync()).ErrorDetails!.ErrorMessage);
    }

    [Fact]
    public async Task While_nothing_was_sent_an_error_has_its_status()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, Lines);
        var (id, _) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, "[");
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "overflow") });
        using var response = await asked;
        Assert.Equal(400, (int)response.StatusCode);
        Assert.False(response.Headers.Contains(StreamedResponseWriter.QueryIdHeader));
        Assert.Equal("overflow", (await response.QueryAsync()).ErrorDetails!.ErrorMessage);
    }

    [Fact]
    public async Task An_error_after_the_first_row_aborts_the_response()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, "text/csv");
        var (id, _) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, """[{"id":1,"name":"a"},""");
        using var response = await asked;
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "overflow") });
        await Assert.ThrowsAnyAsync<Exception>(() => response.Content.ReadAsStringAsync());
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        Assert.Equal("overflow", (await later.QueryAsync()).ErrorDetails!.ErrorMessage);
    }

    [Fact]
    public async Task Rows_that_were_lost_abort_the_response()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, Lines);
        var (id, _) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, """[{"id":1,"name":"a"}""");
        using var response = await asked;
        await link.TellAsync(id, Success("""[{"id":1,"name":"a"},{"id":2,"name":"b"}]""", 2));
        await Assert.ThrowsAnyAsync<Exception>(() => response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_command_without_rows_gets_the_contracts_answer_whatever_is_accepted()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, "text/csv", """{ "command": { "text": "DELETE FROM t", "executionMode": "nonQuery" } }""");
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 3 });
        using var response = await asked;
        Assert.Equal(3, (await response.QueryAsync()).Result!.RowsAffected);
    }

    [Fact]
    public async Task A_caller_who_accepts_nothing_that_is_offered_is_told_so_and_nothing_runs()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        using var response = await AskAsync(path, key, "application/json;q=0");
        Assert.Equal(ErrorCodes.NotAcceptable, (await response.ErrorAsync(406)).Code);
    }

    [Fact]
    public async Task Integers_of_64_bits_are_strings_where_asked()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        const string json = """[{"id":9007199254740993,"name":"1"}]""", expected = """[{"id":"9007199254740993","name":"1"}]""";
        foreach (var accept in new[] { "application/json", "application/vnd.halo.rows+json" })
        {
            var asked = AskAsync(path, key, accept, integers: "string");
            var (id, _) = await link.ExpectExecuteAsync();
            await ColumnsAsync(link, id);
            await RowsAsync(link, id, json);
            await link.TellAsync(id, Success(json, 1));
            using var response = await asked;
            if (accept != "application/json")
            {
                Assert.Equal(expected, await response.Content.ReadAsStringAsync());
                continue;
            }
            var query = await response.QueryAsync();
            Assert.Equal(expected, Encoding.UTF8.GetString(Convert.FromBase64String(query.Result!.Data!)));
            Assert.Equal((expected.Length, expected.Length), (query.Result.Size, query.ResultSize!.Value));
        }
    }

    [Fact]
    public async Task Who_stops_reading_is_cut_off_the_statement_is_cancelled_and_no_other_query_waits()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        // A caller that sends its request and never reads.
        using var stuck = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await stuck.ConnectAsync(_host.Address.Host, _host.Address.Port);
        await stuck.SendAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"POST {path}/immediate HTTP/1.1\r\nHost: h\r\nAccept: {Lines}\r\nOcp-Apim-Subscription-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}")));
        var (slow, execute) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, slow);
        var row = Encoding.UTF8.GetBytes($$"""{"id":1,"name":"{{new string('x', 30_000)}}"},""");
        var credit = (long)execute.Credit;
        await link.Line.SendAsync(FrameKind.Rows, slow, "["u8);
        credit--;
        var cancelled = false;
        while (!cancelled)
        {
            // As a Link does: it sends while it has credit, then waits for more.
            for (; credit >= row.Length; credit -= row.Length)
                await link.Line.SendAsync(FrameKind.Rows, slow, row);
            await AnotherAsync();
        }
        await link.TellAsync(slow, new Outcome(Ending.Cancelled, Executed.Yes));
        await AnotherAsync();

        static bool Concerns(FrameKind kind) => kind is FrameKind.Execute or FrameKind.Credit or FrameKind.Cancel;

        async Task AnotherAsync()
        {
            var asked = AskAsync(path, key, Lines);
            var (kind, quick, payload) = await link.NextAsync(Concerns);
            for (; kind != FrameKind.Execute; (kind, quick, payload) = await link.NextAsync(Concerns))
            {
                Assert.Equal(slow, quick);
                cancelled |= kind == FrameKind.Cancel;
                credit += kind == FrameKind.Credit ? BitConverter.ToUInt32(payload) : 0;
            }
            const string json = """[{"id":1,"name":"quick"}]""";
            await ColumnsAsync(link, quick);
            await RowsAsync(link, quick, json);
            await link.TellAsync(quick, Success(json, 1));
            using var response = await asked;
            Assert.Equal("{\"id\":1,\"name\":\"quick\"}\n", await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_caller_who_goes_away_cancels_the_statement()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, Lines);
        var (id, _) = await link.ExpectExecuteAsync();
        await ColumnsAsync(link, id);
        await RowsAsync(link, id, """[{"id":1,"name":"a"},""");
        (await asked).Dispose();
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.Cancel)).QueryId);
    }
}
