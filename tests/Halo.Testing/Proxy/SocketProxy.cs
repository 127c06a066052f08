using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Halo.Testing.Proxy;

/// <summary>A TCP proxy on a loopback port that breaks lines in every way in which lines break.</summary>
public sealed class SocketProxy : IAsyncDisposable
{
    readonly Func<Socket, CancellationToken, Task<Socket?>> _dial;
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentDictionary<ProxiedConnection, Task> _connections = new();
    readonly Socket _listener;
    readonly Task _accepting;

    /// <param name="target">Where each connection leads.</param>
    public SocketProxy(EndPoint target) : this((_, stop) => ConnectAsync(target, stop))
    {
    }

    /// <param name="dial">Given the socket that was accepted, opens the one it leads to; null: it is closed.</param>
    internal SocketProxy(Func<Socket, CancellationToken, Task<Socket?>> dial)
    {
        _dial = dial;
        // Small, as a router's: a large one would hide from the sender for seconds that the line is slow. Accepted sockets inherit it.
        _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 * 1024 };
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>From those who connect to the target.</summary>
    public LineDirection Up { get; } = new();

    /// <summary>From the target to those who connected.</summary>
    public LineDirection Down { get; } = new();

    /// <summary>New connections are reset at once.</summary>
    public bool Refusing { get; set; }

    /// <summary>Connections that were accepted so far.</summary>
    public int Accepted { get; private set; }

    /// <summary>Connections that are open.</summary>
    public int Open => _connections.Count;

    /// <summary>Both directions at once.</summary>
    public void Set(LineMode mode) => Up.Mode = Down.Mode = mode;

    /// <summary>Resets (RST) every connection that is open.</summary>
    /// <returns>How many there were.</returns>
    public int Cut()
    {
        var all = _connections.Keys;
        foreach (var connection in all)
            connection.Reset();
        return all.Count;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
        await Task.WhenAll(_connections.Values);
        _stop.Dispose();
    }

    internal static async Task<Socket?> ConnectAsync(EndPoint target, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, stop);
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            return null;
        }
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            Accepted++;
            client.NoDelay = true;
            var connection = new ProxiedConnection(client, Up, Down, _dial);
            if (Refusing)
            {
                connection.Reset();
                continue;
            }
            _connections[connection] = RunAsync(connection);
        }
    }

    async Task RunAsync(ProxiedConnection connection)
    {
        await Task.Yield();
        await connection.RunAsync(_stop.Token);
        _connections.TryRemove(connection, out _);
        connection.Dispose();
    }
}
