using System.Net;
using System.Net.Sockets;

namespace Halo.Bench.Uplinks;

/// <summary>
/// A clinic's internet line: what goes up shares one rate over all connections, and each direction takes half of the round
/// trip. Its buffers are small, so what waits, waits at the sender.
/// </summary>
sealed class Uplink : IAsyncDisposable
{
    const int SocketBytes = 32 * 1024;
    readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly CancellationTokenSource _stop = new();
    readonly int _target;
    readonly Bucket _up;
    readonly double _delay;
    readonly Task _accepting;
    long _carried;

    /// <param name="target">The loopback port that it leads to.</param>
    /// <param name="megabits">A second, upwards; downwards nothing holds back.</param>
    /// <param name="roundTrip">Of the line.</param>
    public Uplink(int target, double megabits, TimeSpan roundTrip)
    {
        (_target, _up, _delay) = (target, new Bucket(megabits * 1e6 / 8), roundTrip.TotalSeconds / 2);
        _listener.ReceiveBufferSize = SocketBytes;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(64);
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}/");
        _accepting = AcceptAsync();
    }

    /// <summary>Where the clinic dials.</summary>
    public Uri Address { get; }

    /// <summary>Bytes that went up.</summary>
    public long Carried => Interlocked.Read(ref _carried);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    async Task AcceptAsync()
    {
        var carrying = new List<Task>();
        try
        {
            while (true)
            {
                carrying.RemoveAll(c => c.IsCompleted);
                carrying.Add(CarryAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            await Task.WhenAll(carrying);
        }
    }

    async Task CarryAsync(Socket clinic)
    {
        using var cloud = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (clinic)
        using (var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token))
        {
            clinic.NoDelay = true;
            try
            {
                await cloud.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _target), over.Token);
                await Task.WhenAll(
                    new Direction(clinic, cloud, _delay, bytes =>
                    {
                        Interlocked.Add(ref _carried, bytes);
                        return _up.Take(bytes);
                    }).RunAsync(over),
                    new Direction(cloud, clinic, _delay, static _ => Bucket.Now).RunAsync(over));
            }
            catch (SocketException)
            {
                // Nobody is there: the clinic's connection ends.
            }
        }
    }
}
