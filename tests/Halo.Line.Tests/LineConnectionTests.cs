using System.Net.WebSockets;
using System.Threading.Channels;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Line.Tests;

public class LineConnectionTests
{
    static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task Frames_arrive_whole_and_in_order()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind Kind, Guid Id, byte[] Payload)>();
        var receiving = Collect(pair.Api, received.Writer);
        var id = Guid.NewGuid();
        var large = new byte[1_000_000];
        Random.Shared.NextBytes(large);
        Assert.True(await pair.Link.SendAsync(FrameKind.Renew, Guid.Empty, new Renew("t"), ProtocolJson.Default.Renew, Never));
        Assert.True(await pair.Link.SendAsync(FrameKind.Outcome, id, large, Never));
        Assert.True(await pair.Link.SendAsync(FrameKind.Cancel, id, Never));
        Assert.Equal("""{"accessToken":"t"}"""u8.ToArray(), (await received.Reader.ReadAsync(Never)).Payload);
        Assert.Equal(large, (await received.Reader.ReadAsync(Never)).Payload);
        Assert.Equal((FrameKind.Cancel, id), Pick(await received.Reader.ReadAsync(Never)));
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        await receiving;
    }

    [Fact]
    public async Task Frames_sent_from_many_threads_are_never_mixed()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind, Guid, byte[] Payload)>();
        var receiving = Collect(pair.Api, received.Writer);
        const int senders = 8, each = 100;
        await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(async () =>
        {
            var payload = Enumerable.Repeat((byte)sender, 5000).ToArray();
            for (var i = 0; i < each; i++)
                Assert.True(await pair.Link.SendAsync(FrameKind.Outcome, Guid.NewGuid(), payload, Never));
        })));
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        await receiving;
        received.Writer.Complete();
        var all = await received.Reader.ReadAllAsync(Never).ToListAsync(Never);
        Assert.Equal(senders * each, all.Count);
        Assert.All(all, f => Assert.True(f.Payload.Length == 5000 && f.Payload.AsSpan().IndexOfAnyExcept(f.Payload[0]) < 0));
    }

    [Fact]
    public async Task Frames_that_nobody_waits_for_leave_with_the_next_one()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind Kind, Guid Id, byte[] Payload)>();
        var receiving = Collect(pair.Link, received.Writer);
        var (first, second, command) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        pair.Api.SendLater(FrameKind.OutcomeAck, first);
        pair.Api.SendLater(FrameKind.OutcomeAck, second);
        Assert.Equal(0, pair.ApiStream.BytesWritten);
        Assert.True(await pair.Api.SendAsync(FrameKind.Execute, command, "{}"u8, Never));
        Assert.Equal((FrameKind.OutcomeAck, first), Pick(await received.Reader.ReadAsync(Never)));
        Assert.Equal((FrameKind.OutcomeAck, second), Pick(await received.Reader.ReadAsync(Never)));
        Assert.Equal((FrameKind.Execute, command), Pick(await received.Reader.ReadAsync(Never)));
        Assert.Equal(1, pair.ApiStream.Writes);
        await pair.Api.CloseAsync(LineCloseReason.ApiStopping);
        await receiving;
    }

    [Fact]
    public async Task Frames_that_nobody_waits_for_leave_by_themselves_after_a_moment_each_time()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind Kind, Guid Id, byte[] Payload)>();
        var receiving = Collect(pair.Link, received.Writer);
        for (var i = 0; i < 3; i++)
        {
            var (early, late) = (Guid.NewGuid(), Guid.NewGuid());
            pair.Api.SendLater(FrameKind.OutcomeAck, early);
            pair.ApiTime.Advance(LineConnection.LaterWithin / 2);
            pair.Api.SendLater(FrameKind.OutcomeAck, late);
            Assert.False(received.Reader.TryRead(out _));
            pair.ApiTime.Advance(LineConnection.LaterWithin / 2);
            Assert.Equal((FrameKind.OutcomeAck, early), Pick(await received.Reader.ReadAsync(Never)));
            Assert.Equal((FrameKind.OutcomeAck, late), Pick(await received.Reader.ReadAsync(Never)));
        }
        await pair.Api.CloseAsync(LineCloseReason.ApiStopping);
        await receiving;
    }

    [Fact]
    public async Task A_close_sends_what_waits_before_it()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind Kind, Guid Id, byte[] Payload)>();
        var receiving = Collect(pair.Link, received.Writer);
        var id = Guid.NewGuid();
        pair.Api.SendLater(FrameKind.OutcomeAck, id);
        await pair.Api.CloseAsync(LineCloseReason.ApiStopping);
        await receiving;
        Assert.Equal((FrameKind.OutcomeAck, id), Pick(await received.Reader.ReadAsync(Never)));
        // A line that is closed takes nothing more, and nothing breaks by it.
        pair.Api.SendLater(FrameKind.OutcomeAck, id);
        pair.ApiTime.Advance(LineConnection.LaterWithin);
        Assert.False(received.Reader.TryRead(out _));
    }

    [Fact]
    public async Task A_message_over_its_bound_is_passed_over_and_its_start_is_told()
    {
        await using var pair = await SocketPair.OpenAsync();
        var read = Channel.CreateUnbounded<(FrameKind, Guid, byte[])>();
        var passed = Channel.CreateUnbounded<(FrameKind, Guid, byte[])>();
        var receiving = pair.Api.ReceiveAsync(
            f => read.Writer.WriteAsync((f.Kind, f.QueryId, f.Payload.ToArray())), FrameBounds.FromLink,
            f => passed.Writer.WriteAsync((f.Kind, f.QueryId, f.Payload.ToArray())));
        var id = Guid.NewGuid();
        foreach (var (kind, bytes) in new[] { (FrameKind.Rows, ProtocolLimits.MaxChunkBytes + 1), (FrameKind.Outcome, 60 << 20), (FrameKind.Execute, 1), ((FrameKind)0x7E, 1 << 20) })
        {
            var frame = new byte[FrameCodec.MaxHeaderBytes + bytes];
            frame.AsSpan().Fill((byte)'x');
            FrameCodec.WriteHeader(frame, kind, id);
            await pair.RawLink.SendAsync(frame.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, Never);
            var (seenKind, seenId, head) = await passed.Reader.ReadAsync(Never);
            Assert.Equal((kind, id), (seenKind, seenId));
            Assert.InRange(head.Length, 1, LineConnection.HeadBytes);
        }
        await pair.Link.SendAsync(FrameKind.Rows, id, new byte[ProtocolLimits.MaxChunkBytes], Never);
        Assert.Equal(ProtocolLimits.MaxChunkBytes, (await read.Reader.ReadAsync(Never)).Item3.Length);
        Assert.False(read.Reader.TryRead(out _));
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        pair.Link.Abort("test");
        await receiving;
    }

    [Fact]
    public async Task A_message_over_its_bound_is_never_put_on_the_line()
    {
        await using var pair = await SocketPair.OpenAsync();
        var received = Channel.CreateUnbounded<(FrameKind Kind, Guid Id, byte[] Payload)>();
        var receiving = Collect(pair.Api, received.Writer);
        await Assert.ThrowsAsync<FrameTooLargeException>(() => pair.Link.SendAsync(FrameKind.Rows, Guid.NewGuid(), new byte[ProtocolLimits.MaxChunkBytes + 1], Never).AsTask());
        await Assert.ThrowsAsync<FrameTooLargeException>(() => pair.Link.SendAsync(FrameKind.Renew, Guid.Empty, new byte[64 * 1024], Never).AsTask());
        Assert.True(await pair.Link.SendAsync(FrameKind.WorkAvailable, Guid.Empty, Never));
        Assert.Equal(FrameKind.WorkAvailable, (await received.Reader.ReadAsync(Never)).Kind);
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        pair.Link.Abort("test");
        await receiving;
    }

    [Fact]
    public async Task After_twenty_seconds_of_silence_an_end_asks_and_the_answer_keeps_the_line()
    {
        await using var pair = await SocketPair.OpenAsync();
        var atApi = Collect(pair.Api, Channel.CreateUnbounded<(FrameKind, Guid, byte[])>().Writer);
        var seen = new TaskCompletionSource();
        var atLink = pair.Link.ReceiveAsync(f => { seen.TrySetResult(); return ValueTask.CompletedTask; });
        pair.LinkTime.Advance(ProtocolLimits.PingAfter);
        // The API's end answers the ping by itself; a frame behind the pong shows that the pong was read.
        await pair.Api.SendAsync(FrameKind.WorkAvailable, Guid.Empty, Never);
        await seen.Task;
        pair.LinkTime.Advance(ProtocolLimits.PingAfter - TimeSpan.FromSeconds(1));
        Assert.False(pair.Link.Dead.IsCancellationRequested);
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        await Task.WhenAll(atApi, atLink);
    }

    [Theory]
    [InlineData(2, 10)]
    [InlineData(10, 2)]
    [InlineData(20, 10)]
    [InlineData(0.1, 60)]
    public async Task Pings_come_as_often_as_the_setting_says_whatever_the_other_setting_is(double pingAfter, double deadAfterPing)
    {
        var times = new LineTimes { PingAfter = TimeSpan.FromSeconds(pingAfter), DeadAfterPing = TimeSpan.FromSeconds(deadAfterPing) };
        var tick = TimeSpan.FromMilliseconds(1);
        await using var pair = await SocketPair.OpenAsync(times);
        var receiving = pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask);
        var pings = 0;
        var api = Task.Run(async () =>
        {
            var buffer = new byte[100];
            while ((await pair.RawApi.ReceiveAsync(buffer.AsMemory(), Never)).MessageType != WebSocketMessageType.Close)
                Interlocked.Increment(ref pings);
        }, Never);
        for (var i = 1; i <= 4; i++)
        {
            var sent = pair.LinkStream.BytesWritten;
            pair.LinkTime.Advance(times.PingAfter - tick);
            Assert.Equal(sent, pair.LinkStream.BytesWritten);
            pair.LinkTime.Advance(tick);
            await Until(() => Volatile.Read(ref pings) == i);
            await pair.SendRawAsync([(byte)FrameKind.Pong]);
            await Until(() => pair.LinkHasReadAll);
        }
        // Unanswered, the line lives as long as the other setting says, and no longer.
        pair.LinkTime.Advance(times.PingAfter + times.DeadAfterPing - tick);
        Assert.False(pair.Link.Dead.IsCancellationRequested);
        pair.LinkTime.Advance(tick);
        await receiving;
        Assert.Equal(LineCloseReason.Silent, pair.Link.CloseReason);
        await Assert.ThrowsAnyAsync<WebSocketException>(() => api);
    }

    [Fact]
    public async Task A_silent_line_is_dead_ten_seconds_after_the_ping_and_not_before()
    {
        await using var pair = await SocketPair.OpenAsync();
        var receiving = pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask);
        pair.LinkTime.Advance(ProtocolLimits.PingAfter + ProtocolLimits.DeadAfterPing - TimeSpan.FromMilliseconds(1));
        Assert.False(pair.Link.Dead.IsCancellationRequested);
        pair.LinkTime.Advance(TimeSpan.FromMilliseconds(1));
        await receiving;
        Assert.Equal(LineCloseReason.Silent, pair.Link.CloseReason);
        Assert.Null(pair.Link.OtherCloseReason);
        Assert.False(await pair.Link.SendAsync(FrameKind.Ping, Guid.Empty, Never));
    }

    [Fact]
    public async Task Any_byte_counts_as_life_a_piece_of_a_frame_too()
    {
        await using var pair = await SocketPair.OpenAsync();
        var receiving = pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask);
        var pings = 0;
        var api = Task.Run(async () =>
        {
            var buffer = new byte[100];
            while ((await pair.RawApi.ReceiveAsync(buffer.AsMemory(), Never)).MessageType != WebSocketMessageType.Close)
                Interlocked.Increment(ref pings);
        }, Never);
        for (var i = 0; i < 5; i++)
        {
            pair.LinkTime.Advance(ProtocolLimits.PingAfter);
            await Until(() => Volatile.Read(ref pings) == i + 1);
            await pair.SendRawAsync([(byte)FrameKind.SiteNotices], endOfMessage: false);
            await Until(() => pair.LinkHasReadAll);
        }
        Assert.False(pair.Link.Dead.IsCancellationRequested);
        pair.Link.Abort("test");
        await receiving;
        await Assert.ThrowsAnyAsync<WebSocketException>(() => api);
    }

    [Fact]
    public async Task Whoever_closes_tells_the_other_end_why()
    {
        await using var pair = await SocketPair.OpenAsync();
        var atApi = pair.Api.ReceiveAsync(_ => ValueTask.CompletedTask);
        var atLink = pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask);
        await pair.Api.CloseAsync(LineCloseReason.AlreadyConnected);
        await Task.WhenAll(atApi, atLink);
        Assert.Equal(LineCloseReason.AlreadyConnected, pair.Link.CloseReason);
        Assert.Equal(LineCloseReason.AlreadyConnected, pair.Link.OtherCloseReason);
        Assert.Equal(LineCloseReason.AlreadyConnected, pair.Api.OtherCloseReason);
    }

    [Fact]
    public async Task Where_both_ends_close_at_once_each_knows_its_own_reason_and_the_other_ends()
    {
        await using var pair = await SocketPair.OpenAsync();
        await pair.Link.CloseAsync(LineCloseReason.LinkStopping);
        await pair.Api.CloseAsync(LineCloseReason.ApiStopping);
        await Task.WhenAll(pair.Api.ReceiveAsync(_ => ValueTask.CompletedTask), pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask));
        Assert.Equal((LineCloseReason.ApiStopping, LineCloseReason.LinkStopping), (pair.Api.CloseReason, pair.Api.OtherCloseReason));
        Assert.Equal((LineCloseReason.LinkStopping, LineCloseReason.ApiStopping), (pair.Link.CloseReason, pair.Link.OtherCloseReason));
    }

    [Fact]
    public async Task A_closed_line_ends_two_seconds_later_though_the_other_end_goes_on()
    {
        await using var pair = await SocketPair.OpenAsync();
        var handled = Channel.CreateUnbounded<FrameKind>();
        var atApi = pair.Api.ReceiveAsync(frame => handled.Writer.WriteAsync(frame.Kind));
        await pair.Api.CloseAsync(LineCloseReason.Revoked);
        // It reads nothing, so it does not answer, and says what it likes.
        Assert.True(await pair.Link.SendAsync(FrameKind.Heartbeat, Guid.Empty, Never));
        await handled.Reader.ReadAsync(Never);
        pair.ApiTime.Advance(LineConnection.CloseWithin - TimeSpan.FromMilliseconds(1));
        Assert.True(await pair.Link.SendAsync(FrameKind.Heartbeat, Guid.Empty, Never));
        await handled.Reader.ReadAsync(Never);
        Assert.False(pair.Api.Dead.IsCancellationRequested);
        pair.ApiTime.Advance(TimeSpan.FromMilliseconds(1));
        await atApi;
        Assert.Equal(LineCloseReason.Revoked, pair.Api.CloseReason);
    }

    [Fact]
    public async Task A_broken_line_ends_without_a_reason()
    {
        await using var pair = await SocketPair.OpenAsync();
        var receiving = pair.Link.ReceiveAsync(_ => ValueTask.CompletedTask);
        pair.CutServer();
        await receiving;
        Assert.Null(pair.Link.CloseReason);
        Assert.Null(pair.Link.OtherCloseReason);
        Assert.True(pair.Link.Dead.IsCancellationRequested);
    }

    [Fact]
    public async Task A_text_message_breaks_the_protocol()
    {
        await using var pair = await SocketPair.OpenAsync();
        var atApi = pair.Api.ReceiveAsync(_ => ValueTask.CompletedTask);
        await pair.RawLink.SendAsync("hello"u8.ToArray().AsMemory(), WebSocketMessageType.Text, endOfMessage: true, Never);
        await atApi;
        Assert.Equal(LineCloseReason.ProtocolError, pair.Api.CloseReason);
    }

    [Fact]
    public async Task A_frame_shorter_than_its_header_breaks_the_protocol()
    {
        await using var pair = await SocketPair.OpenAsync();
        var atApi = pair.Api.ReceiveAsync(_ => ValueTask.CompletedTask);
        await pair.RawLink.SendAsync(new byte[] { (byte)FrameKind.Rows, 1, 2 }.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, Never);
        await atApi;
        Assert.Equal(LineCloseReason.ProtocolError, pair.Api.CloseReason);
    }

    static (FrameKind, Guid) Pick((FrameKind Kind, Guid Id, byte[] Payload) frame) => (frame.Kind, frame.Id);

    static Task Collect(LineConnection line, ChannelWriter<(FrameKind, Guid, byte[])> into) =>
        line.ReceiveAsync(f => into.WriteAsync((f.Kind, f.QueryId, f.Payload.ToArray())));

    static async Task Until(Func<bool> condition)
    {
        while (!condition())
            await Task.Yield();
    }
}
