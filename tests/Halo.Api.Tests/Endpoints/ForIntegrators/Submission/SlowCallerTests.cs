using System.Text;
using Halo.Api.Capacity;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints.ForIntegrators.Submission;

/// <summary>Callers who neither take nor send: they are cut off, and nobody else waits for them.</summary>
public sealed class SlowCallerTests
{
    // More than every buffer between the service and a caller that does not read.
    static readonly string Large = "[" + string.Join(',', Enumerable.Repeat($"\"{new string('x', 30_000)}\"", 250)) + "]";

    [Fact]
    public async Task Who_does_not_read_a_JSON_answer_is_cut_off_and_its_memory_is_free_and_no_other_waits()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:SlowReaderMs=2000");
        await using var site = await PairedSite.CreateAsync(host);
        var memory = host.Services.GetRequiredService<ResultMemoryBudget>();
        using var stuck = await RawCaller.ConnectAsync(host);
        await stuck.PostAsync(site, "/immediate", PairedSite.SelectOne);
        await AnswerLargeAsync(site.Link, (await site.Link.ExpectExecuteAsync()).QueryId);
        await Until.TrueAsync(() => Task.FromResult(memory.Used > Large.Length));
        var others = 0;
        while (memory.Used > Large.Length)
        {
            await AnotherAsync(site);
            others++;
        }
        Assert.True(others > 0);
        Assert.Equal(0, memory.Used);
        var got = await stuck.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", got, StringComparison.Ordinal);
        Assert.True(got.Length < Large.Length, "The answer came whole.");
        await AnotherAsync(site);
    }

    [Fact]
    public async Task Who_reads_slowly_but_reads_gets_all_of_it()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:SlowReaderMs=10000");
        await using var site = await PairedSite.CreateAsync(host);
        using var slow = await RawCaller.ConnectAsync(host);
        await slow.PostAsync(site, "/immediate", PairedSite.SelectOne);
        await AnswerLargeAsync(site.Link, (await site.Link.ExpectExecuteAsync()).QueryId);
        await AnotherAsync(site);
        await slow.SendAsync("GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        var got = await slow.ReadToEndAsync();
        Assert.True(got.Length > Large.Length * 4L / 3, $"{got.Length} bytes");
        Assert.Contains("\"live\"", got, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_sends_its_body_too_slowly_is_told_and_no_other_waits()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:SlowReaderMs=1000");
        await using var site = await PairedSite.CreateAsync(host);
        using var stuck = await RawCaller.ConnectAsync(host);
        await stuck.PostAsync(site, "/immediate", PairedSite.SelectOne[..10], PairedSite.SelectOne.Length);
        await AnotherAsync(site);
        var got = await stuck.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 408", got, StringComparison.Ordinal);
        Assert.Contains("too slowly", got, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_are_counted_as_they_come_refused_where_there_is_no_room_and_given_back()
    {
        const int room = 32 * 1024 * 1024;
        await using var host = await ApiHost.StartAsync($"Halo:Limits:RequestMemoryBytes={room}");
        await using var site = await PairedSite.CreateAsync(host);
        var memory = host.Services.GetRequiredService<RequestBodies>();
        var callers = new List<RawCaller>();
        // Announced is not held.
        for (var i = 0; i < 10; i++)
        {
            callers.Add(await RawCaller.ConnectAsync(host));
            await callers[^1].PostAsync(site, "/immediate", "{", 16_000_000);
        }
        await AnotherAsync(site);
        Assert.InRange(memory.Used, 0, 1024 * 1024);
        // A little more than 8 MiB holds 16 MiB: two have room.
        await Task.WhenAll(callers.Take(2).Select(async caller =>
        {
            await caller.SendAsync(new string(' ', 9 * 1024 * 1024));
        }));
        await Until.TrueAsync(() => Task.FromResult(memory.Used is > room / 2 and <= room));
        using (var answer = await site.SendAsync(HttpMethod.Post, "/immediate", $$"""{ "command": { "text": "SELECT 1" }, "x": "{{new string(' ', 9 * 1024 * 1024)}}" }"""))
            Assert.Equal("QueueFull", (await answer.ErrorAsync(503)).Code);
        callers.ForEach(c => c.Dispose());
        await Until.TrueAsync(() => Task.FromResult(memory.Used == 0));
        await AnotherAsync(site);
    }

    static async Task AnotherAsync(PairedSite site)
    {
        var asked = site.AskAsync();
        await site.Link.AnswerWholeAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":1}]""", 1);
        using var answer = await asked;
        Assert.Equal(200, (int)answer.StatusCode);
    }

    /// <summary>As a Link does: within its credit.</summary>
    static async Task AnswerLargeAsync(SimulatedLink link, Guid id)
    {
        await link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("n", SqlType.Int, "INTEGER")]), ProtocolJson.Default.ResultHead);
        var credit = (long)ProtocolLimits.CreditWindowBytes;
        foreach (var piece in Encoding.UTF8.GetBytes(Large).Chunk(30_000))
        {
            while (credit < piece.Length)
                credit += BitConverter.ToUInt32((await link.ExpectAsync(FrameKind.Credit)).Payload);
            await link.Line.SendAsync(FrameKind.Rows, id, piece);
            credit -= piece.Length;
        }
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 250, Size = Large.Length, ResultSets = 1 });
    }
}
