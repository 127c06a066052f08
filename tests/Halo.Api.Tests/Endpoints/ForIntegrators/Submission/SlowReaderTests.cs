using System.Net;
using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Endpoints.ForIntegrators.Submission;

/// <summary>The practice does not let a statement wait for its caller (<c>protection.slowReaderMs</c>): its Link has cancelled it, and the caller is told so in every form of answer.</summary>
public sealed class SlowReaderTests(OneHost shared) : IClassFixture<OneHost>
{
    const string Words = "The rows of the result were not taken for 30 s (the practice's protection.slowReaderMs). The statement was cancelled.";

    [Theory]
    [InlineData(Executed.No)]
    [InlineData(Executed.Yes)]
    [InlineData(Executed.Unknown)]
    public async Task An_answer_with_its_rows_is_408_and_says_whether_the_database_did_it(Executed executed)
    {
        await using var site = await PairedSite.CreateAsync(shared.Host);
        var asked = site.AskAsync();
        var id = await CutOffAsync(site.Link, executed, rows: """[{"n":1},{"n":2},""");
        using var answer = await asked;
        await IsToldAsync(answer, executed);
        await IsKeptAsync(site, id, executed);
    }

    [Theory]
    [InlineData(Executed.No)]
    [InlineData(Executed.Unknown)]
    public async Task A_stream_of_which_nothing_was_sent_yet_is_408_too(Executed executed)
    {
        await using var site = await PairedSite.CreateAsync(shared.Host);
        var asked = StreamAsync(site, "application/x-ndjson");
        var id = await CutOffAsync(site.Link, executed, rows: "[");
        using var answer = await asked;
        await IsToldAsync(answer, executed);
        await IsKeptAsync(site, id, executed);
    }

    [Theory]
    [InlineData("application/x-ndjson", Executed.No)]
    [InlineData("text/csv", Executed.Unknown)]
    [InlineData("application/vnd.halo.rows+json", Executed.Yes)]
    public async Task A_stream_that_has_begun_is_aborted_and_the_query_says_why(string accept, Executed executed)
    {
        await using var site = await PairedSite.CreateAsync(shared.Host);
        var asked = StreamAsync(site, accept);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await RowsAsync(site.Link, id, """[{"n":1},""");
        using var answer = await asked;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await site.Link.TellAsync(id, Outcome(executed));
        // Never as if it were whole.
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await IsKeptAsync(site, id, executed);
    }

    static async Task<Guid> CutOffAsync(SimulatedLink link, Executed executed, string rows)
    {
        var (id, _) = await link.ExpectExecuteAsync();
        await RowsAsync(link, id, rows);
        await link.TellAsync(id, Outcome(executed));
        return id;
    }

    static async Task RowsAsync(SimulatedLink link, Guid id, string rows)
    {
        await link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("n", SqlType.Int, "INTEGER")]), ProtocolJson.Default.ResultHead);
        await link.Line.SendAsync(FrameKind.Rows, id, Encoding.UTF8.GetBytes(rows));
    }

    static Outcome Outcome(Executed executed) => new(Ending.Failed, executed)
    {
        Error = new(ErrorTypes.HaloLink, 408, Words) { Code = FailureCodes.SlowReader },
        Rows = 2,
    };

    static async Task<HttpResponseMessage> StreamAsync(PairedSite site, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{site.Path}/immediate") { Content = new StringContent(PairedSite.SelectOne, Encoding.UTF8, "application/json") };
        request.Headers.Add("Ocp-Apim-Subscription-Key", site.Key);
        request.Headers.Add("Accept", accept);
        return await site.Host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    static async Task IsToldAsync(HttpResponseMessage answer, Executed executed)
    {
        Assert.Equal(HttpStatusCode.RequestTimeout, answer.StatusCode);
        IsCutOff(await answer.QueryAsync(), executed);
    }

    static async Task IsKeptAsync(PairedSite site, Guid id, Executed executed)
    {
        await site.IsThereAsync(id);
        await Until.TrueAsync(async () => (await site.GetAsync(id)).Status == QueryStatus.ExecutionFailed);
        IsCutOff(await site.GetAsync(id), executed);
    }

    static void IsCutOff(Query query, Executed executed)
    {
        Assert.Equal((QueryStatus.ExecutionFailed, (Executed?)executed), (query.Status, query.Executed));
        Assert.Equal((FailureCodes.SlowReader, 408, ErrorTypes.HaloLink, Words),
            (query.ErrorDetails!.Code, query.ErrorDetails.ErrorCode, query.ErrorDetails.ErrorType, query.ErrorDetails.ErrorMessage));
        Assert.Null(query.Result?.Data);
    }
}
