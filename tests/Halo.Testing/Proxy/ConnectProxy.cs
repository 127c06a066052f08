using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Halo.Testing.Proxy;

/// <summary>An HTTP proxy as clinics have them: CONNECT alone, and only for those who give user and password.</summary>
public sealed class ConnectProxy : IAsyncDisposable
{
    readonly string _authorization;

    public ConnectProxy(string user, string password)
    {
        _authorization = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
        Line = new(DialAsync);
    }

    /// <summary>Its line, to be broken like any other.</summary>
    public SocketProxy Line { get; }

    /// <summary>As a setting has it.</summary>
    public string Address => $"http://127.0.0.1:{Line.Port}";

    /// <summary>Requests that came without the right credentials.</summary>
    public int Refused { get; private set; }

    /// <summary>Tunnels that were opened.</summary>
    public int Tunnels { get; private set; }

    public ValueTask DisposeAsync() => Line.DisposeAsync();

    async Task<Socket?> DialAsync(Socket client, CancellationToken stop)
    {
        while (await HeadAsync(client, stop) is { } head)
        {
            var lines = head.Split("\r\n");
            var words = lines[0].Split(' ');
            if (words is not ["CONNECT", var authority, _] || !IPEndPoint.TryParse(authority, out var target))
            {
                await AnswerAsync(client, "405 Method Not Allowed", "", stop);
                return null;
            }
            if (!lines.Any(l => l.Equals($"Proxy-Authorization: {_authorization}", StringComparison.OrdinalIgnoreCase)))
            {
                Refused++;
                await AnswerAsync(client, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"clinic\"\r\nContent-Length: 0\r\n", stop);
                continue;
            }
            var server = await SocketProxy.ConnectAsync(target, stop);
            await AnswerAsync(client, server is null ? "502 Bad Gateway" : "200 Connection Established", "", stop);
            if (server is not null)
                Tunnels++;
            return server;
        }
        return null;
    }

    static async Task<string?> HeadAsync(Socket client, CancellationToken stop)
    {
        var head = new List<byte>();
        var one = new byte[1];
        // Byte by byte: what follows the head belongs to the tunnel.
        while (head.Count < 16 * 1024 && await client.ReceiveAsync(one, stop) == 1)
        {
            head.Add(one[0]);
            if (head.Count >= 4 && head[^1] == '\n' && head[^3] == '\n')
                return Encoding.ASCII.GetString([.. head]);
        }
        return null;
    }

    static async Task AnswerAsync(Socket client, string status, string headers, CancellationToken stop) =>
        await client.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{headers}\r\n"), stop);
}
