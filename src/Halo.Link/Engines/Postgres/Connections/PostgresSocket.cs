// The driver's own type, which it calls experimental.
#pragma warning disable NPG9001
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Whether a server has said something to an idle session: almost always that it has ended it.</summary>
/// <remarks>The driver would hear of it with the next command only, which then may have run or not. Should a version of the driver lack this field, every test of PostgreSQL fails.</remarks>
static class PostgresSocket
{
    public static bool HasUnread(NpgsqlConnection connection) =>
        PostgresTransaction.ConnectorOf(connection) is { } connector && SocketOf(connector) is { } socket && socket.Poll(0, SelectMode.SelectRead);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    static extern ref Socket? SocketOf(NpgsqlConnector connector);
}
