using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Halo.Link.Engines.SqlServer.Connections;

/// <summary>Whether a server's port is open. The driver tries a closed one again and again until its whole connect timeout is over, and says nothing before.</summary>
static partial class SqlServerPortProbe
{
    const int DefaultPort = 1433;
    const int BrowserPort = 1434;

    /// <summary>UDP loses packets: the Browser is asked twice.</summary>
    static readonly TimeSpan BrowserAnswersWithin = TimeSpan.FromMilliseconds(700);

    static readonly TimeSpan ConnectsWithin = TimeSpan.FromSeconds(2);

    /// <summary>Why nobody can come in: a <see cref="SocketException"/> or a <see cref="SqlInstanceNotFoundException"/>. Null: the port is open, or it cannot be told.</summary>
    /// <param name="dataSource">As in the connection string.</param>
    public static async Task<Exception?> WhyClosedAsync(string dataSource, TimeProvider time, CancellationToken stop)
    {
        if (Place().Match(dataSource) is not { Success: true } place)
            return null;
        var host = place.Groups["host"].Value.Trim() is var written && written is "" or "." || written.Equals("(local)", StringComparison.OrdinalIgnoreCase) ? "localhost" : written;
        try
        {
            int? port = place.Groups["port"] is { Success: true } given ? int.Parse(given.ValueSpan, CultureInfo.InvariantCulture) : null;
            if (port is null && place.Groups["instance"] is { Success: true } instance && !instance.Value.Equals("MSSQLSERVER", StringComparison.OrdinalIgnoreCase))
            {
                port = await PortOfAsync(host, instance.Value, time, stop);
                if (port is null)
                    return new SqlInstanceNotFoundException(instance.Value);
            }
            using var limit = new CancellationTokenSource(ConnectsWithin, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
            using var socket = new TcpClient();
            await socket.ConnectAsync(host, port ?? DefaultPort, either.Token);
            return null;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.HostNotFound)
        {
            // On Windows the driver knows names that nobody else does, its aliases; of others it says so itself.
            return null;
        }
        catch (SocketException e)
        {
            return e;
        }
        catch (OperationCanceledException)
        {
            // A slow way, or a firewall that swallows everything: the driver goes on.
            return null;
        }
    }

    /// <summary>Asks SQL Server Browser ([MC-SQLR] CLNT_UCAST_INST).</summary>
    static async Task<int?> PortOfAsync(string host, string instance, TimeProvider time, CancellationToken stop)
    {
        using var socket = new UdpClient();
        socket.Connect(host, BrowserPort);
        byte[] question = [4, .. Encoding.ASCII.GetBytes(instance), 0];
        for (var i = 0; i < 2; i++)
        {
            using var limit = new CancellationTokenSource(BrowserAnswersWithin, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
            try
            {
                await socket.SendAsync(question, either.Token);
                var answer = await socket.ReceiveAsync(either.Token);
                return TcpPort().Match(Encoding.ASCII.GetString(answer.Buffer)) is { Success: true } found ? int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : null;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Once more.
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                // Nobody listens there.
                return null;
            }
        }
        return null;
    }

    [GeneratedRegex(@"\A\s*(tcp:)?\s*(?<host>[^\\,:;]*|\[[0-9a-f:%.]+\])\s*(\\\s*(?<instance>[^,]+?)\s*)?(,\s*(?<port>[0-9]{1,5})\s*)?\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Place();

    [GeneratedRegex(@";tcp;([0-9]{1,5});", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TcpPort();
}

/// <summary>SQL Server Browser did not tell the port of an instance.</summary>
sealed class SqlInstanceNotFoundException(string instance) : IOException($"The instance {instance} was not found");
