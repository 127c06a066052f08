using System.Net;
using System.Net.Sockets;
using FsCheck;
using FsCheck.Fluent;
using Halo.Testing;

namespace Halo.Line.Tests;

public sealed class CoalescingStreamTests
{
    static CancellationToken Never => CancellationToken.None;

    [Fact]
    public void Bytes_arrive_whole_and_in_order_whatever_their_pieces()
    {
        var size = Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(1000, 5000), Gen.Choose(CoalescingStream.MostKept - 1, CoalescingStream.MostKept + 9000));
        Prop.ForAll(size.ListOf().ToArbitrary(), sizes => Assert.True(ArrivesAsync([.. sizes]).Result)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task A_lone_write_leaves_on_its_senders_thread()
    {
        var (slow, time) = (new SlowStream(), new ManualTime());
        slow.Pass(3);
        await using var stream = new CoalescingStream(slow, time);
        for (var i = 1; i <= 3; i++)
        {
            Assert.True(Send(stream, i).IsCompletedSuccessfully);
            Assert.Equal(i, slow.Sizes.Count);
            time.Advance(CoalescingStream.Closely);
        }
    }

    [Fact]
    public async Task Writes_that_come_while_one_is_under_way_leave_together()
    {
        var slow = new SlowStream();
        await using var stream = new CoalescingStream(slow, new ManualTime());
        await Send(stream, 1);
        for (var i = 0; i < 100; i++)
            Assert.True(Send(stream, 10).IsCompletedSuccessfully);
        slow.Pass(2);
        await stream.WrittenAsync();
        Assert.Equal([1, 1000], slow.Sizes);
    }

    [Fact]
    public async Task Bytes_that_wait_are_bounded_and_then_the_writer_waits()
    {
        var slow = new SlowStream();
        await using var stream = new CoalescingStream(slow, new ManualTime());
        await Send(stream, 1);
        Assert.True(Send(stream, CoalescingStream.MostKept - 1).IsCompletedSuccessfully);
        var last = Send(stream, 1);
        Assert.False(last.IsCompleted);
        slow.Pass(1);
        await last;
        slow.Pass(1);
        await stream.WrittenAsync();
        Assert.Equal([1, CoalescingStream.MostKept], slow.Sizes);
    }

    [Fact]
    public async Task A_writer_that_waits_ends_with_the_line()
    {
        var slow = new SlowStream();
        await using var stream = new CoalescingStream(slow, new ManualTime());
        await Send(stream, 1);
        var waits = Send(stream, CoalescingStream.MostKept);
        var written = stream.WrittenAsync();
        stream.End();
        await Assert.ThrowsAsync<IOException>(() => waits);
        await Assert.ThrowsAsync<IOException>(() => Send(stream, 1));
        await written;
        slow.Pass(1);
    }

    [Fact]
    public async Task Bytes_held_back_leave_with_the_next_that_are_not()
    {
        var slow = new SlowStream();
        slow.Pass(1);
        await using var stream = new CoalescingStream(slow, new ManualTime()) { HoldsBack = true };
        await Send(stream, 20);
        Assert.Empty(slow.Sizes);
        stream.HoldsBack = false;
        await Send(stream, 3);
        Assert.Equal([23], slow.Sizes);
    }

    [Fact]
    public async Task After_a_fault_the_connection_is_closed_and_the_next_write_says_why()
    {
        var slow = new SlowStream { Fault = new IOException("cut") };
        await using var stream = new CoalescingStream(slow, new ManualTime());
        slow.Pass(1);
        await Send(stream, 10);
        Assert.True(slow.IsClosed);
        Assert.Equal("cut", (await Assert.ThrowsAsync<IOException>(() => Send(stream, 1))).Message);
    }

    [Fact]
    public async Task Whoever_closes_can_wait_until_all_has_left()
    {
        var slow = new SlowStream();
        await using var stream = new CoalescingStream(slow, new ManualTime());
        await Send(stream, 1);
        await stream.WriteAsync(new byte[5], Never);
        var written = stream.WrittenAsync();
        slow.Pass(1);
        await Eventually.BecomesAsync(() => Task.FromResult(slow.Sizes.Count), count => count == 2);
        Assert.False(written.IsCompleted);
        slow.Pass(1);
        await written;
        Assert.Equal([1, 5], slow.Sizes);
        await stream.WrittenAsync();
    }

    static async Task Send(CoalescingStream stream, int bytes)
    {
        await stream.WriteAsync(new byte[bytes], Never);
        await stream.FlushAsync(Never);
    }

    static async Task<bool> ArrivesAsync(int[] sizes)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port);
        using var server = await accepting;
        await using var stream = new CoalescingStream(client.GetStream(), TimeProvider.System);
        var sent = new byte[sizes.Sum()];
        Random.Shared.NextBytes(sent);
        var received = new byte[sent.Length];
        var reading = server.GetStream().ReadExactlyAsync(received);
        var offset = 0;
        foreach (var size in sizes)
        {
            await stream.WriteAsync(sent.AsMemory(offset, size));
            await stream.FlushAsync();
            offset += size;
        }
        await reading;
        return received.AsSpan().SequenceEqual(sent);
    }

    /// <summary>Takes each write only when it is let pass.</summary>
    sealed class SlowStream : MemoryStream
    {
        readonly SemaphoreSlim _pass = new(0);

        public List<int> Sizes { get; } = [];

        public Exception? Fault { get; set; }

        public bool IsClosed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }

        public void Pass(int writes) => _pass.Release(writes);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Sizes.Add(buffer.Length);
            await _pass.WaitAsync(cancellationToken);
            if (Fault is not null)
                throw Fault;
        }
    }
}
