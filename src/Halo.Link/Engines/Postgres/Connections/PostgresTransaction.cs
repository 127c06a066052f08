// The driver's own type, which it calls experimental.
#pragma warning disable NPG9001
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Whether a session is in a transaction, failed or not. The driver reads it from each answer of the server and has no public word for it.</summary>
/// <remarks>Its public ways cost a round trip, or leave a BEGIN behind for the next statement. Should a version of the driver lack these two, every test of PostgreSQL fails.</remarks>
static class PostgresTransaction
{
    public static bool IsOpen(NpgsqlConnection connection) => ConnectorOf(connection) is { } connector && InTransaction(connector);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connector")]
    internal static extern NpgsqlConnector? ConnectorOf(NpgsqlConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_InTransaction")]
    static extern bool InTransaction(NpgsqlConnector connector);
}
