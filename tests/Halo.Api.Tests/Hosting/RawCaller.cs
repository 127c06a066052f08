using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Halo.Testing;

namespace Halo.Api.Tests.Hosting;

/// <summary>A caller that decides itself when it sends and when it reads, over a socket that takes little.</summary>
public sealed class RawCaller(Socket socket) : IDisposable
{
    public static async Task<RawCaller> ConnectAsync(ApiHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        return new(socket);
    }

    public Task SendAsync(string text) => socket.SendAsync(Encoding.ASCII.GetBytes(text)).WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>A request with all of its body, or with a part of what its length says.</summary>
    public Task PostAsync(PairedSite site, string path, string body, int? length = null) => SendAsync(string.Create(CultureInfo.InvariantCulture,
        $"POST {site.Path}{path} HTTP/1.1\r\nHost: h\r\nOcp-Apim-Subscription-Key: {site.Key}\r\nContent-Type: application/json\r\nContent-Length: {length ?? body.Length}\r\n\r\n{body}"));

    /// <summary>Reads until the words have come; false: it ended before.</summary>
    public async Task<bool> ReadsAsync(string words)
    {
        var all = new StringBuilder();
        var buffer = new byte[4096];
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (!all.ToString().Contains(words, StringComparison.Ordinal))
        {
            if (await socket.ReceiveAsync(buffer, limit.Token) is not (> 0 and var read))
                return false;
            all.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        return true;
    }

    /// <summary>All that comes until the other side ends it, in order or not.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var all = new StringBuilder();
        var buffer = new byte[64 * 1024];
        using var limit = new CancellationTokenSource(Eventually.Limit);
        try
        {
            while (await socket.ReceiveAsync(buffer, limit.Token) is > 0 and var read)
                all.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        catch (SocketException)
        {
            // It was cut off.
        }
        return all.ToString();
    }

    public void Dispose() => socket.Dispose();
}
