using System.Text;
using Halo.Api.Results.Formats;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries.Idempotency;

public class StreamedRepeatTests(OneHost one) : IClassFixture<OneHost>
{
    const string Rows = """[{"n":1},{"n":22}]""";

    static async Task<HttpResponseMessage> AskAsync(PairedSite site, CancellationToken stop = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{site.Path}/immediate");
        request.Headers.Add("Ocp-Apim-Subscription-Key", site.Key);
        request.Headers.Add("Idempotency-Key", "a");
        request.Headers.Add("Accept", "text/csv");
        request.Content = new StringContent(PairedSite.SelectOne, Encoding.UTF8, "application/json");
        return await site.Host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
    }

    static async Task<Query> RepeatAsync(PairedSite site, int status)
    {
        using var repeat = await AskAsync(site);
        Assert.Equal((status, "application/json", true),
            ((int)repeat.StatusCode, repeat.Content.Headers.ContentType!.MediaType, repeat.Headers.Contains("Halo-Replayed")));
        return await repeat.QueryAsync();
    }

    [Fact]
    public async Task Rows_that_were_streamed_are_repeated_as_state_without_them()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = AskAsync(site);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, Rows, 2);
        using var first = await asked;
        Assert.Equal((200, false), ((int)first.StatusCode, first.Headers.Contains("Halo-Replayed")));
        Assert.Equal("n\r\n1\r\n22\r\n", await first.Content.ReadAsStringAsync());
        var state = await RepeatAsync(site, 200);
        Assert.Equal((id, QueryStatus.Successful, 2L, (long)Rows.Length), (state.Id, state.Status, state.Result!.Rows!.Value, state.ResultSize!.Value));
        Assert.Null(state.Result.Data);
        await IdempotencyTests.NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task An_error_before_the_first_row_is_repeated_whole()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = AskAsync(site);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such table: t") });
        using var first = await asked;
        Assert.Equal(400, (int)first.StatusCode);
        var before = await first.QueryAsync();
        var repeated = await RepeatAsync(site, 400);
        Assert.Equal((id, before.UpdatedAt, "no such table: t"), (repeated.Id, repeated.UpdatedAt, repeated.ErrorDetails!.ErrorMessage));
        await IdempotencyTests.NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task A_caller_that_leaves_in_the_middle_does_not_cancel_and_the_rest_is_read_for_nobody()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var caller = new CancellationTokenSource();
        var asked = AskAsync(site, caller.Token);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("n", SqlType.NVarChar, "TEXT")]), ProtocolJson.Default.ResultHead);
        await site.Link.Line.SendAsync(FrameKind.Rows, id, """[{"n":"1"}"""u8.ToArray());
        using (await asked)
            await caller.CancelAsync();
        // More than one credit window: it ends only if what nobody takes is granted again.
        var row = Encoding.UTF8.GetBytes($$""",{"n":"{{new string('x', 16_000)}}"}""");
        var sent = 0;
        while (sent < 2 * ProtocolLimits.CreditWindowBytes)
        {
            var window = 1 + ProtocolLimits.CreditWindowBytes / 2 / row.Length;
            for (var i = 0; i < window; i++, sent += row.Length)
                await site.Link.Line.SendAsync(FrameKind.Rows, id, row);
            await site.Link.ExpectAsync(FrameKind.Credit);
        }
        await site.Link.Line.SendAsync(FrameKind.Rows, id, "]"u8.ToArray());
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 1 + sent / row.Length, Size = 11 + sent, ResultSets = 1 });
        var state = await RepeatAsync(site, 200);
        Assert.Equal((id, QueryStatus.Successful), (state.Id, state.Status));
        await IdempotencyTests.NothingElseWasSentAsync(site);
    }
}
