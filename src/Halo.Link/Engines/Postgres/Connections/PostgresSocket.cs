// The driver's own type, which it calls experimental.
#pragma warning disable NPG9001
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Looks whether an idle session is still there, without a round trip.</summary>
/// <remarks>The driver would hear of its end with the next command only, which then may have run or not. Should a version of the driver lack this field, every test of PostgreSQL fails.</remarks>
static class PostgresSocket
{
    /// <summary>The connection is closed, or the server has said something to it: almost always that it has ended the session.</summary>
    public static bool MayHaveEnded(NpgsqlConnection connection)
    {
        try
        {
            return PostgresTransaction.ConnectorOf(connection) is not { } connector || SocketOf(connector) is not { } socket || socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The driver gives it up at this moment.
            return true;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    static extern ref Socket? SocketOf(NpgsqlConnector connector);
}
