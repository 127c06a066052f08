using System.Net.Sockets;
using System.Threading.Channels;

namespace Halo.Testing.Proxy;

/// <summary>One connection through a <see cref="SocketProxy"/>.</summary>
sealed class ProxiedConnection(Socket client, LineDirection up, LineDirection down, Func<Socket, CancellationToken, Task<Socket?>> dial)
    : IDisposable
{
    const int PieceBytes = 16 * 1024;
    readonly CancellationTokenSource _over = new();
    Socket? _server;
    int _losing;

    public async Task RunAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _over.Token);
        try
        {
            _server = await dial(client, either.Token);
            if (_server is null)
                return;
            await Task.WhenAll(PassAsync(client, _server, up, either.Token), PassAsync(_server, client, down, either.Token));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One end broke, or the proxy cuts: so it breaks for both.
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>Both ends see a reset.</summary>
    public void Reset()
    {
        try
        {
            _over.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Over, and reset, already.
        }
        foreach (var socket in new[] { client, _server })
        {
            // No lingering: closing sends RST.
            try
            {
                if (socket is not null)
                    socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Gone already.
            }
            socket?.Dispose();
        }
    }

    public void Dispose() => _over.Dispose();

    async Task PassAsync(Socket from, Socket to, LineDirection line, CancellationToken stop)
    {
        // What is on the way: a few pieces, as many as a slow line holds before it stops its sender.
        var way = Channel.CreateBounded<(byte[] Piece, long At)>(16);
        await Task.WhenAll(EndBothAsync(ReadAsync(from, way.Writer, stop), line, stop), EndBothAsync(WriteAsync(way.Reader, to, line, stop), line, stop));
    }

    /// <summary>What breaks one half breaks the whole connection, unless the line is one on which nobody hears of it.</summary>
    async Task EndBothAsync(Task half, LineDirection line, CancellationToken stop)
    {
        try
        {
            await half;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await line.UntilNotAsync(LineMode.HalfOpen, stop);
            Reset();
            throw;
        }
    }

    static async Task ReadAsync(Socket from, ChannelWriter<(byte[] Piece, long At)> way, CancellationToken stop)
    {
        var buffer = new byte[PieceBytes];
        while (await from.ReceiveAsync(buffer, stop) is > 0 and var received)
            await way.WriteAsync((buffer.AsSpan(0, received).ToArray(), TimeProvider.System.GetTimestamp()), stop);
        way.Complete();
    }

    async Task WriteAsync(ChannelReader<(byte[] Piece, long At)> way, Socket to, LineDirection line, CancellationToken stop)
    {
        var hasLost = false;
        await foreach (var (bytes, at) in way.ReadAllAsync(stop))
        {
            // The mode may be another before the connection is cut: until then nothing follows on what was lost.
            if (hasLost)
                continue;
            var piece = bytes.AsMemory();
            if (line.Delay - TimeProvider.System.GetElapsedTime(at) is { Ticks: > 0 } early)
                await Task.Delay(early, stop);
            switch (await line.WhenItMovesAsync(stop))
            {
                case LineMode.HalfOpen:
                    hasLost = true;
                    _ = CutAfterAsync(line, LineMode.HalfOpen, stop);
                    continue;
                case LineMode.DropLastByte:
                    hasLost = true;
                    _ = CutAfterAsync(line, LineMode.DropLastByte, stop);
                    await SendAsync(to, piece[..^1], stop);
                    continue;
                case LineMode.Corrupt:
                    line.Damage(piece.Span);
                    break;
            }
            await line.TakeAsync(piece.Length, stop);
            line.Passed?.Invoke(piece);
            await SendAsync(to, piece, stop);
        }
        if (await line.WhenItMovesAsync(stop) is LineMode.HalfOpen or LineMode.DropLastByte)
            await line.UntilNotAsync(line.Mode, stop);
        to.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Bytes are lost: nothing that comes later may follow on what came before.</summary>
    async Task CutAfterAsync(LineDirection line, LineMode mode, CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _losing, 1) == 1)
            return;
        try
        {
            await line.UntilNotAsync(mode, stop);
            Reset();
        }
        catch (OperationCanceledException)
        {
            // Over already.
        }
    }

    static async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await to.SendAsync(bytes, stop)..];
    }
}
