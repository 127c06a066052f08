using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

/// <summary>A Link closes in order while queries are with it.</summary>
public class ClosingTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task What_a_link_never_began_is_told_so_at_once_when_it_closes_in_order()
    {
        var site = await PairedSite.CreateAsync(_host);
        var begun = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (begunId, _) = await site.Link.ExpectExecuteAsync();
        var missed = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        await site.Link.ExpectExecuteAsync();
        await site.Link.Line.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = [begunId] }, ProtocolJson.Default.Farewell);
        await site.DisposeAsync();

        using var first = await begun;
        Assert.Equal((504, Executed.Unknown, FailureCodes.LinkLost), await EndAsync(first));
        using var second = await missed;
        Assert.Equal((503, Executed.No, FailureCodes.LinkStopping), await EndAsync(second));
    }

    [Fact]
    public async Task Without_last_words_the_fate_is_unknown_and_told_at_once()
    {
        var site = await PairedSite.CreateAsync(_host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        await site.Link.ExpectExecuteAsync();
        await site.DisposeAsync();
        using var response = await asked;
        Assert.Equal((504, Executed.Unknown, FailureCodes.LinkLost), await EndAsync(response));
    }

    [Fact]
    public async Task Whoever_waits_for_a_link_that_is_revoked_is_told_at_once()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        await site.Link.ExpectExecuteAsync();
        await _host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{site.Link.LinkId}/revoke");
        using var response = await asked;
        Assert.Equal((504, Executed.Unknown, FailureCodes.LinkLost), await EndAsync(response));
    }

    [Fact]
    public async Task What_was_told_before_the_close_counts()
    {
        var site = await PairedSite.CreateAsync(_host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerWholeAsync(id, """[{"n":1}]""", 1);
        await site.Link.Line.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = [] }, ProtocolJson.Default.Farewell);
        await site.DisposeAsync();
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_query_whose_line_broke_while_it_was_sent_is_settled_by_the_next_session()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var link = site.Link;
        var services = _host.Services;
        var recorder = services.GetRequiredService<OutcomeRecorder>();
        var pending = services.GetRequiredService<PendingQueries>();
        var asked = new[] { site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne), site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne) };
        var held = (await link.ExpectExecuteAsync()).QueryId;
        var lost = (await link.ExpectExecuteAsync()).QueryId;
        var (heldQuery, lostQuery) = (pending.Find(held)!, pending.Find(lost)!);
        await link.BreakAsync();
        var judged = new[] { recorder.SettleBySuccessorAsync(heldQuery), recorder.SettleBySuccessorAsync(lostQuery) };
        await link.ConnectAsync(link.Hello() with { Immediates = [held] });
        await Task.WhenAll(judged);

        Assert.False(heldQuery.Answer.IsCompleted);
        Assert.Null((await lostQuery.Answer).End);
        await link.TellAsync(held, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        var ends = new List<(int, Executed?, string?)>();
        foreach (var one in asked)
        {
            using var response = await one;
            ends.Add(await EndAsync(response));
        }
        Assert.Contains((503, Executed.No, FailureCodes.NeverSent), ends);
        Assert.Contains((200, null, null), ends);
    }

    static async Task<(int, Executed?, string?)> EndAsync(HttpResponseMessage response)
    {
        var query = await response.QueryAsync();
        return ((int)response.StatusCode, query.Executed, query.ErrorDetails?.Code);
    }
}
