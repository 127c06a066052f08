using Halo.Contracts.Errors;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Why PostgreSQL, or what stands before it, gave no connection.</summary>
static class PostgresFaults
{
    public static ConnectionFault Of(Exception failure) => failure switch
    {
        PostgresException e => Of(e),
        PostgresSessionException e => ConnectionFault.Of(new ErrorDetails(ErrorTypes.HaloLink, 503, e.Message), e.Advice),
        PostgresPoolFullException e => ConnectionFault.Of(
            new ErrorDetails(ErrorTypes.HaloLink, 503, e.Message), "Raise Maximum Pool Size in the site's connectionString, or lower the Link's lanes.") with
        { ConcernsOneCall = true },
        NpgsqlException { InnerException: PostgresException e } => Of(e),
        // The driver's words hold no secret, and no cause of theirs says more.
        NpgsqlException { InnerException: null } e => ConnectionFault.Of(
            new ErrorDetails(ErrorTypes.HaloLink, 503, $"The Link cannot connect to its database: {e.Message.TrimEnd('.')}."),
            "Check the site's connectionString, its TLS settings (SSL Mode) and password among them."),
        _ => ConnectionFault.Of(failure, "PostgreSQL"),
    };

    static ConnectionFault Of(PostgresException e) => ConnectionFault.Of(
        new ErrorDetails(ErrorTypes.Postgres, 0, e.MessageText) { SqlState = e.SqlState, Severity = e.InvariantSeverity },
        AdviceOf(e),
        loginRefused: e.SqlState.StartsWith("28", StringComparison.Ordinal)) with
    { MayPass = e.SqlState.StartsWith("57P0", StringComparison.Ordinal) };

    static string AdviceOf(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword => "Correct the login or its password in the site's connectionString.",
        PostgresErrorCodes.InvalidAuthorizationSpecification => "Correct the login in the site's connectionString, or allow it on the server (pg_hba.conf, ALTER ROLE … LOGIN).",
        PostgresErrorCodes.InvalidCatalogName => "Correct the database's name in the site's connectionString or catalogues.",
        PostgresErrorCodes.TooManyConnections => "Raise max_connections on the server or the login's limit, or lower the Link's lanes: all connections are taken.",
        PostgresErrorCodes.InsufficientPrivilege => "Grant the login CONNECT on the database.",
        PostgresErrorCodes.CannotConnectNow => "Wait: the server starts, stops or recovers; see its log if this lasts.",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown => "Wait for the server to come back; see its log if this lasts.",
        PostgresErrorCodes.ProtocolViolation => "A pooler refuses the connection: check its log and the site's connectionString (PgBouncer: pool_mode = session, and no options in the string).",
        _ => "See the server's log.",
    };
}
