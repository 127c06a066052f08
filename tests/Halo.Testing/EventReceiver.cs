using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Halo.Testing;

/// <summary>A request that came to an <see cref="EventReceiver"/>.</summary>
/// <param name="Headers">By name, in any case.</param>
public sealed record ReceivedEvent(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public string Header(string name) => Headers.TryGetValue(name, out var value) ? value : "";
}

/// <summary>How a receiver answers.</summary>
/// <param name="Status">0: not at all, the connection stays open; -1: the connection is closed amid the answer.</param>
/// <param name="Headers">As they stand in the answer, each with its line end.</param>
public sealed record ReceiverAnswer(int Status, string Headers = "")
{
    public static ReceiverAnswer Ok { get; } = new(200);
    public static ReceiverAnswer Hang { get; } = new(0);
    public static ReceiverAnswer Cut { get; } = new(-1);
}

/// <summary>An integrator's own HTTP server, as far as webhooks need one: over a real socket, and able to misbehave.</summary>
public sealed class EventReceiver : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentDictionary<Socket, bool> _open = new();
    readonly ConcurrentQueue<ReceivedEvent> _received = new();
    readonly Task _accepting;
    readonly X509Certificate2? _certificate;

    /// <param name="certificate">It speaks TLS with this one; null: it does not.</param>
    public EventReceiver(X509Certificate2? certificate = null)
    {
        _certificate = certificate;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Its address.</summary>
    public string Url => $"{(_certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/events";

    /// <summary>What came so far, in the order in which it was read.</summary>
    public IReadOnlyList<ReceivedEvent> Received => [.. _received];

    /// <summary>How each request is answered.</summary>
    public Func<ReceivedEvent, ReceiverAnswer> Answers { get; set; } = _ => ReceiverAnswer.Ok;

    /// <summary>Waits until so many have come.</summary>
    public Task<IReadOnlyList<ReceivedEvent>> ReceiveAsync(int count) => Eventually.BecomesAsync(() => Task.FromResult(Received), r => r.Count >= count);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        foreach (var socket in _open.Keys)
            socket.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var socket = await _listener.AcceptSocketAsync(_stop.Token);
            _open[socket] = true;
            _ = ServeAsync(socket);
        }
    }

    async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var network = new NetworkStream(socket, ownsSocket: true);
            await using var tls = _certificate is null ? null : new SslStream(network);
            if (tls is not null)
                await tls.AuthenticateAsServerAsync(_certificate!);
            Stream stream = tls is null ? network : tls;
            while (await ReadAsync(stream) is { } request)
            {
                var answer = Answers(request);
                _received.Enqueue(request);
                if (answer.Status == 0)
                    await Task.Delay(Timeout.Infinite, _stop.Token);
                if (answer.Status < 0)
                {
                    await stream.WriteAsync("HTTP/1.1 20"u8.ToArray(), _stop.Token);
                    return;
                }
                await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {answer.Status} Answer\r\n{answer.Headers}Content-Length: 0\r\n\r\n")), _stop.Token);
            }
        }
        catch (Exception e) when (e is AuthenticationException or IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The caller or the test ended it.
        }
        finally
        {
            _open.TryRemove(socket, out _);
        }
    }

    /// <returns>Null at the connection's end.</returns>
    async Task<ReceivedEvent?> ReadAsync(Stream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!EndsHead(head))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
                return null;
            head.Add(one[0]);
        }
        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(l => l.Split(':', 2)).ToDictionary(h => h[0].Trim(), h => h[1].Trim(), StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, _stop.Token);
        var first = lines[0].Split(' ');
        return new(first[0], first[1], headers, body);
    }

    static bool EndsHead(List<byte> head) => head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n';
}
