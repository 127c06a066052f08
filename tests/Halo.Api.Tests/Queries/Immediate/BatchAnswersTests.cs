using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries.Immediate;

/// <summary>A batch as the API hands it on and cuts its answer, whatever a Link says of it.</summary>
public sealed class BatchAnswersTests(OneHost one) : IClassFixture<OneHost>
{
    const string Body = """{ "isolation": "serializable", "commands": [ { "text": "SELECT 1 AS n" }, { "text": "DELETE FROM t", "executionMode": "nonQuery" }, { "text": "SELECT 2 AS n" } ] }""";

    readonly ApiHost _host = one.Host;

    static readonly ResultColumn N = new("n", SqlType.Int, "int");

    [Fact]
    public async Task It_goes_to_the_Link_as_a_batch_and_its_rows_are_cut_by_their_sizes()
    {
        await using var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        var asked = await AskAsync(link);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Null(execute.Command);
        Assert.Equal(["SELECT 1 AS n", "DELETE FROM t", "SELECT 2 AS n"], execute.Batch!.Commands.Select(c => c.Text));
        Assert.Equal(IsolationLevel.Serializable, execute.Batch.Isolation);

        await TellAsync(link, id, """[{"n":1}][{"n":2},{"n":3}]""",
        [
            new() { Rows = 1, Size = 9, ResultSets = 1, Columns = [N] }, new() { RowsAffected = 4 }, new() { Rows = 2, Size = 17, ResultSets = 1 },
        ]);
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((200, QueryStatus.Successful, 26L), ((int)response.StatusCode, query.Status, query.ResultSize));
        Assert.Equal(["""[{"n":1}]""", null, """[{"n":2},{"n":3}]"""], query.Results!.Select(r => r.Data is { } data ? Encoding.UTF8.GetString(Convert.FromBase64String(data)) : null));
        // Where they are as before they are not repeated.
        Assert.Equal(["n", null, null], query.Results!.Select(r => r.Columns?.Single().Name));
    }

    public static TheoryData<long, long, long, int> Unsound => new()
    {
        { -9, 35, 1, 0 }, { long.MaxValue, long.MaxValue, 1, 0 }, { 9, 17, -1, 0 }, { 9, 17, 1, -1 }, { 9, 17, 1, int.MaxValue },
    };

    [Theory]
    [MemberData(nameof(Unsound))]
    public async Task What_a_Link_says_that_cannot_be_is_not_shown(long first, long second, long rows, int pages)
    {
        await using var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        var asked = await AskAsync(link);
        var (id, _) = await link.ExpectExecuteAsync();
        await TellAsync(link, id, """[{"n":1}][{"n":2},{"n":3}]""", [new() { Rows = rows, Size = first, PageCount = pages }, new() { Rows = 2, Size = second, PageCount = pages }]);
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((500, QueryStatus.ExecutionFailed, Executed.Yes, FailureCodes.LinkError), ((int)response.StatusCode, query.Status, query.Executed, query.ErrorDetails?.Code));
        Assert.Null(query.Results);
    }

    [Fact]
    public async Task Sizes_that_do_not_add_up_lose_the_rows_and_not_the_end()
    {
        await using var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        var asked = await AskAsync(link);
        var (id, _) = await link.ExpectExecuteAsync();
        await TellAsync(link, id, """[{"n":1}][{"n":2},{"n":3}]""", [new() { Rows = 1, Size = 9 }, new() { Rows = 2, Size = 5 }]);
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((504, Executed.Yes, FailureCodes.NoAnswer), ((int)response.StatusCode, query.Executed, query.ErrorDetails?.Code));
    }

    [Theory]
    [InlineData("immediate")]
    [InlineData("async")]
    public async Task A_Link_that_is_too_old_is_sent_none(string mode)
    {
        await using var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        var key = await _host.CreatePairedAsync(link.SiteId);
        using var response = await _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/{mode}", Body, key);
        Assert.Equal(409, (int)response.StatusCode);
        Assert.Contains("too old", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var asked = _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", """{ "command": { "text": "SELECT 1 AS n" } }""", key);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal(("SELECT 1 AS n", null), (execute.Command?.Text, execute.Batch));
        await link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var single = await asked;
        Assert.Equal(200, (int)single.StatusCode);
    }

    async Task<Task<HttpResponseMessage>> AskAsync(SimulatedLink link)
    {
        link.Capabilities = [Hello.RunsBatches];
        await link.StartAsync();
        var key = await _host.CreatePairedAsync(link.SiteId);
        return _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", Body, key);
    }

    static async Task TellAsync(SimulatedLink link, Guid id, string rows, BatchResult[] results)
    {
        await link.Line.SendAsync(FrameKind.Rows, id, Encoding.UTF8.GetBytes(rows));
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = results.Sum(r => Math.Max(0, Math.Min(9, r.Rows ?? 0))), Size = rows.Length, Results = results });
    }
}
