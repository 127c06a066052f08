using Halo.Api.Queries;
using Halo.Api.Queries.Immediate;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate;

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
    public async Task A_query_whose_line_broke_while_it_was_sent_is_judged_by_the_next_session()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var link = site.Link;
        var services = _host.Services;
        var judging = services.GetRequiredService<ImmediateJudging>();
        var exchanges = services.GetRequiredService<ImmediateExchanges>();
        var asked = new[] { site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne), site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne) };
        var held = (await link.ExpectExecuteAsync()).QueryId;
        var lost = (await link.ExpectExecuteAsync()).QueryId;
        var (heldExchange, lostExchange) = (exchanges.Find(held)!, exchanges.Find(lost)!);
        await link.BreakAsync();
        var judged = new[] { judging.JudgeBySuccessorAsync(heldExchange, TimeSpan.FromMinutes(1)), judging.JudgeBySuccessorAsync(lostExchange, TimeSpan.FromMinutes(1)) };
        await link.ConnectAsync(link.Hello() with { Immediates = [held] });
        await Task.WhenAll(judged);

        Assert.False(heldExchange.End.IsCompleted);
        Assert.Null((await lostExchange.End).Outcome);
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

    static Task Away => Task.FromException(new InvalidOperationException("the store is away"));

    [Fact]
    public async Task Accepts_that_the_store_did_not_take_are_forgotten_in_the_end()
    {
        var time = new ManualTime();
        using var unrecorded = new Unrecorded(time);
        var id = Guid.NewGuid();
        await unrecorded.Watch(id, Away, () => throw new InvalidOperationException("the store is away"), TimeSpan.FromMinutes(2));
        await unrecorded.Watch(Guid.NewGuid(), Away, () => throw new InvalidOperationException("the store is away"), TimeSpan.FromMinutes(1));
        Assert.Equal(2, unrecorded.Count);
        time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(90));
        Assert.Equal(1, unrecorded.Count);
        await Assert.ThrowsAsync<InvalidOperationException>(() => unrecorded.RecordAsync(id));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, unrecorded.Count);
        Assert.False(await unrecorded.RecordAsync(id));
    }

    [Fact]
    public async Task Accepts_and_ends_are_written_when_the_store_is_back_also_where_nobody_asks()
    {
        var time = new ManualTime();
        using var unrecorded = new Unrecorded(time);
        var (isAway, written) = (true, new List<string>());
        Task Write(string what)
        {
            if (isAway)
                throw new InvalidOperationException("the store is away");
            written.Add(what);
            return Task.CompletedTask;
        }
        var ended = Guid.NewGuid();
        await unrecorded.Watch(Guid.NewGuid(), Away, () => Write("accept"), TimeSpan.FromMinutes(2));
        await unrecorded.Watch(ended, Away, () => Write("accept of the ended"), TimeSpan.FromMinutes(2));
        unrecorded.Later(ended, async () =>
        {
            await unrecorded.RecordAsync(ended);
            await Write("end");
        });
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(3, unrecorded.Count);
        isAway = false;
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["accept", "accept of the ended", "end"], written.Order());
        Assert.Equal(0, unrecorded.Count);
    }

    [Fact]
    public async Task An_end_that_is_told_while_its_accept_is_being_written_is_written_too()
    {
        var time = new ManualTime();
        using var unrecorded = new Unrecorded(time);
        var (isAway, writing, ends) = (true, new TaskCompletionSource(), 0);
        var id = Guid.NewGuid();
        await unrecorded.Watch(id, Away, () => isAway ? throw new InvalidOperationException("the store is away") : writing.Task, TimeSpan.FromMinutes(2));
        isAway = false;
        time.Advance(TimeSpan.FromSeconds(5));
        unrecorded.Later(id, () =>
        {
            ends++;
            return Task.CompletedTask;
        });
        writing.SetResult();
        await Eventually.BecomesAsync(() => Task.FromResult(unrecorded.Count), kept => kept == 0);
        Assert.Equal(1, ends);
    }

    static async Task<(int, Executed?, string?)> EndAsync(HttpResponseMessage response)
    {
        var query = await response.QueryAsync();
        return ((int)response.StatusCode, query.Executed, query.ErrorDetails?.Code);
    }
}
