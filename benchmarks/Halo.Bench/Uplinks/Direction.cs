using System.Net.Sockets;
using System.Threading.Channels;

namespace Halo.Bench.Uplinks;

/// <summary>One direction of one connection: reads as fast as the line takes it, delivers when it has crossed.</summary>
/// <param name="leaves">When so many bytes have left.</param>
sealed class Direction(Socket from, Socket to, double delay, Func<int, double> leaves)
{
    const int PieceBytes = 4096;

    /// <summary>Timers tick in milliseconds: up to so much ahead of the rate it reads on, and the rate still holds over any longer time.</summary>
    const double Ahead = 0.002;

    readonly Channel<(byte[] Bytes, double Due)> _crossing = Channel.CreateUnbounded<(byte[], double)>(new() { SingleReader = true, SingleWriter = true });

    /// <param name="over">Cancelled when the connection breaks; an end of one direction is passed on and leaves the other open.</param>
    public async Task RunAsync(CancellationTokenSource over)
    {
        var delivering = DeliverAsync(over);
        var buffer = new byte[PieceBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, over.Token) is var got and > 0)
            {
                var left = leaves(got);
                _crossing.Writer.TryWrite((buffer[..got], left + delay));
                await UntilAsync(left - Ahead, over.Token);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            await over.CancelAsync();
        }
        _crossing.Writer.Complete();
        await delivering;
    }

    async Task DeliverAsync(CancellationTokenSource over)
    {
        try
        {
            await foreach (var (bytes, due) in _crossing.Reader.ReadAllAsync(over.Token))
            {
                await UntilAsync(due, over.Token);
                await to.SendAsync(bytes, over.Token);
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            await over.CancelAsync();
        }
    }

    static Task UntilAsync(double due, CancellationToken stop)
    {
        var wait = due - Bucket.Now;
        return wait > 0 ? Task.Delay(TimeSpan.FromSeconds(wait), stop) : Task.CompletedTask;
    }
}
