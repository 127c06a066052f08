using System.Collections.Concurrent;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Line.Tests;

/// <summary>An end that has much to do is not a dead one.</summary>
public class BusyLineTests
{
    static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task Two_ends_that_ping_while_both_are_busy_sending_do_not_hold_each_other_up()
    {
        await using var pair = await SocketPair.OpenAsync();
        const int frames = 400;
        var counts = new ConcurrentDictionary<LineConnection, int>();
        Func<Frame, ValueTask> Count(LineConnection line) => _ =>
        {
            counts.AddOrUpdate(line, 1, (_, n) => n + 1);
            return ValueTask.CompletedTask;
        };
        var atApi = pair.Api.ReceiveAsync(Count(pair.Api));
        var atLink = pair.Link.ReceiveAsync(Count(pair.Link));
        async Task Send(LineConnection line)
        {
            var payload = new byte[ProtocolLimits.MaxChunkBytes];
            for (var i = 0; i < frames; i++)
            {
                await line.SendAsync(FrameKind.Ping, Guid.Empty, Never);
                Assert.True(await line.SendAsync(FrameKind.Rows, Guid.Empty, payload, Never));
            }
        }
        await Task.WhenAll(Task.Run(() => Send(pair.Link), Never), Task.Run(() => Send(pair.Api), Never));
        await Until(() => counts.GetValueOrDefault(pair.Api) == frames && counts.GetValueOrDefault(pair.Link) == frames);
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        await Task.WhenAll(atApi, atLink);
    }

    [Fact]
    public async Task A_handler_that_takes_its_time_is_not_the_other_ends_silence()
    {
        await using var pair = await SocketPair.OpenAsync();
        var entered = new TaskCompletionSource();
        var leave = new TaskCompletionSource();
        var receiving = pair.Link.ReceiveAsync(async _ =>
        {
            entered.SetResult();
            await leave.Task;
        });
        await pair.Api.SendAsync(FrameKind.WorkAvailable, Guid.Empty, Never);
        await entered.Task;
        pair.LinkTime.Advance(TimeSpan.FromMinutes(5));
        Assert.False(pair.Link.Dead.IsCancellationRequested);
        leave.SetResult();
        pair.Link.Abort("test");
        await receiving;
    }

    [Fact]
    public async Task A_line_whose_end_is_busy_with_a_frame_is_not_taken_for_dead()
    {
        await using var pair = await SocketPair.OpenAsync();
        var (handling, handled) = (new TaskCompletionSource(), new TaskCompletionSource());
        var receiving = pair.Api.ReceiveAsync(async _ =>
        {
            handling.SetResult();
            await handled.Task;
        });
        var timeIsOver = new CancellationToken(canceled: true);
        Assert.False(await pair.Api.ProbeAsync(timeIsOver));
        Assert.True(await pair.Link.SendAsync(FrameKind.Renew, Guid.Empty, "{}"u8, Never));
        await handling.Task;
        Assert.True(await pair.Api.ProbeAsync(timeIsOver));
        pair.Api.Abort(LineCloseReason.Silent);
        Assert.False(await pair.Api.ProbeAsync(timeIsOver));
        handled.SetResult();
        await receiving;
    }

    static async Task Until(Func<bool> condition)
    {
        while (!condition())
            await Task.Yield();
    }
}
