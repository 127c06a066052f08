using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Halo.Testing.Tds;

/// <summary>SQL Server Browser: tells the port of an instance that it knows, and is silent of others ([MC-SQLR]).</summary>
public sealed class SqlBrowser : IAsyncDisposable
{
    const int Port = 1434;

    readonly UdpClient _socket;
    readonly CancellationTokenSource _stop = new();
    readonly Task _answering;

    /// <param name="address">An address of the loopback network that nobody else asks.</param>
    public SqlBrowser(IPAddress address, string instance, int port)
    {
        _socket = new UdpClient(new IPEndPoint(address, Port));
        _answering = AnswerAsync(instance, port);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _answering;
        _stop.Dispose();
    }

    async Task AnswerAsync(string instance, int port)
    {
        try
        {
            while (true)
            {
                var asked = await _socket.ReceiveAsync(_stop.Token);
                // CLNT_UCAST_INST: 4 and the name, which ends with a zero.
                if (asked.Buffer is not [4, ..] || !Encoding.ASCII.GetString(asked.Buffer, 1, asked.Buffer.Length - 1).TrimEnd('\0').Equals(instance, StringComparison.OrdinalIgnoreCase))
                    continue;
                var words = Encoding.ASCII.GetBytes($"ServerName;CLINIC-SRV;InstanceName;{instance};IsClustered;No;Version;16.0.1000.6;tcp;{port};;");
                await _socket.SendAsync((byte[])[5, .. BitConverter.GetBytes((ushort)words.Length), .. words], asked.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // It ends.
        }
    }
}
