using System.Net;
using System.Net.Sockets;
using FsCheck;
using FsCheck.Fluent;
using Halo.Link.Session;
using Halo.Testing;

namespace Halo.Link.Tests.Session;

public sealed class GatheringStreamTests
{
    [Fact]
    public void What_is_written_arrives_whole_and_in_order_whatever_its_pieces()
    {
        var size = Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(1000, GatheringStream.Small + 1), Gen.Choose(GatheringStream.Capacity - 1, 40_000));
        Prop.ForAll(size.ListOf().ToArbitrary(), sizes => Assert.True(ArrivesAsync([.. sizes]).Result)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task A_lone_write_leaves_on_its_senders_thread()
    {
        var (slow, time) = (new SlowStream(), new ManualTime());
        slow.Pass(3);
        await using var stream = new GatheringStream(slow, time);
        for (var i = 1; i <= 3; i++)
        {
            Assert.True(stream.WriteAsync(new byte[i], Never).IsCompletedSuccessfully);
            Assert.Equal(i, slow.Sizes.Count);
            time.Advance(GatheringStream.Closely);
        }
    }

    [Fact]
    public async Task Small_writes_that_come_while_one_is_on_its_way_leave_together()
    {
        var slow = new SlowStream();
        await using var stream = await FollowedAsync(slow);
        await stream.WriteAsync(new byte[10], Never);
        await slow.Begun(2);
        for (var i = 0; i < 100; i++)
            await stream.WriteAsync(new byte[10], Never);
        slow.Pass(1);
        await slow.Begun(3);
        slow.Pass(1);
        Assert.Equal([1, 10, 1000], slow.Sizes);
    }

    [Fact]
    public async Task What_waits_is_bounded_and_then_the_writer_waits()
    {
        var slow = new SlowStream();
        await using var stream = await FollowedAsync(slow);
        await stream.WriteAsync(new byte[10], Never);
        await slow.Begun(2);
        for (var written = 0; written < GatheringStream.Capacity; written += GatheringStream.Small)
            Assert.True(stream.WriteAsync(new byte[GatheringStream.Small], Never).IsCompletedSuccessfully);
        var beyond = stream.WriteAsync(new byte[1], Never).AsTask();
        Assert.False(beyond.IsCompleted);
        slow.Pass(3);
        await beyond;
        Assert.Equal([1, 10, GatheringStream.Capacity, 1], slow.Sizes);
    }

    [Fact]
    public async Task A_large_write_leaves_by_itself_behind_what_was_gathered()
    {
        var slow = new SlowStream();
        slow.Pass(10);
        await using var stream = await FollowedAsync(slow);
        await stream.WriteAsync(new byte[GatheringStream.Small], Never);
        await stream.WriteAsync(new byte[GatheringStream.Small + 1], Never);
        Assert.Equal([1, GatheringStream.Small, GatheringStream.Small + 1], slow.Sizes);
    }

    [Fact]
    public async Task What_is_written_while_a_large_write_waits_comes_behind_it()
    {
        var slow = new SlowStream();
        await using var stream = await FollowedAsync(slow);
        await stream.WriteAsync(new byte[10], Never);
        await slow.Begun(2);
        var large = stream.WriteAsync(new byte[GatheringStream.Small + 1], Never).AsTask();
        var small = stream.WriteAsync(new byte[20], Never).AsTask();
        slow.Pass(3);
        await Task.WhenAll(large, small);
        Assert.Equal([1, 10, GatheringStream.Small + 1, 20], slow.Sizes);
    }

    [Fact]
    public async Task After_a_fault_the_next_write_tells_it()
    {
        var slow = new SlowStream();
        await using var stream = await FollowedAsync(slow);
        slow.Fault = new IOException("cut");
        await stream.WriteAsync(new byte[10], Never);
        slow.Pass(1);
        await Eventually.BecomesAsync(() => Task.FromResult(stream.WriteAsync(new byte[1], Never).IsFaulted), faulted => faulted);
        Assert.True(slow.IsClosed);
        Assert.Equal("cut", (await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1], Never).AsTask())).Message);
    }

    [Fact]
    public async Task What_is_gathered_when_the_stream_is_closed_still_leaves()
    {
        for (var i = 0; i < 200; i++)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            using var client = new TcpClient();
            var accepting = listener.AcceptTcpClientAsync(Never);
            await client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port, Never);
            using var server = await accepting;
            var stream = new GatheringStream(client.GetStream(), new ManualTime());
            await stream.WriteAsync(new byte[1], Never);
            await stream.WriteAsync(new byte[100], Never);
            await stream.DisposeAsync();
            var received = new MemoryStream();
            await server.GetStream().CopyToAsync(received, Never);
            Assert.Equal(101, received.Length);
        }
    }

    static CancellationToken Never => CancellationToken.None;

    /// <summary>A first byte has left just now, so that what is written next follows closely.</summary>
    static async Task<GatheringStream> FollowedAsync(SlowStream slow)
    {
        var stream = new GatheringStream(slow, new ManualTime());
        slow.Pass(1);
        await stream.WriteAsync(new byte[1], Never);
        await slow.Begun(1);
        return stream;
    }

    static async Task<bool> ArrivesAsync(int[] sizes)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port);
        using var server = await accepting;
        await using var stream = new GatheringStream(client.GetStream(), TimeProvider.System);
        var sent = new byte[sizes.Sum()];
        Random.Shared.NextBytes(sent);
        var received = new byte[sent.Length];
        var reading = server.GetStream().ReadExactlyAsync(received);
        var offset = 0;
        foreach (var size in sizes)
        {
            await stream.WriteAsync(sent.AsMemory(offset, size));
            offset += size;
        }
        await reading;
        return received.AsSpan().SequenceEqual(sent);
    }

    /// <summary>Takes each write only when it is let pass.</summary>
    sealed class SlowStream : MemoryStream
    {
        readonly SemaphoreSlim _pass = new(0);
        readonly SemaphoreSlim _begun = new(0);

        public List<int> Sizes { get; } = [];

        public Exception? Fault { get; set; }

        public bool IsClosed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }

        public void Pass(int writes) => _pass.Release(writes);

        public async Task Begun(int writes)
        {
            await _begun.WaitAsync();
            Assert.Equal(writes, Sizes.Count);
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Sizes.Add(buffer.Length);
            _begun.Release();
            await _pass.WaitAsync(cancellationToken);
            if (Fault is not null)
                throw Fault;
        }
    }
}
