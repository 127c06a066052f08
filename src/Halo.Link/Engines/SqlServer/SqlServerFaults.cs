using Halo.Contracts.Errors;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Why SQL Server, or what stands before it, gave no connection.</summary>
static class SqlServerFaults
{
    /// <param name="named">The server's or the driver's own words.</param>
    public static ConnectionFault Of(Exception failure, ErrorDetails? named) => failure is SqlException e && named is not null
        ? ConnectionFault.Of(named, AdviceOf(e.Number), loginRefused: IsLoginRefused(e.Number))
        : ConnectionFault.Of(failure, "SQL Server");

    static bool IsLoginRefused(int number) => number is 18450 or 18451 or 18452 or (>= 18456 and <= 18463) or 18470 or 18486 or 18487 or 18488;

    static string AdviceOf(int number) => number switch
    {
        18456 => "Correct the login or its password in the site's connectionString; the server's log has the state that says which.",
        18452 => "The server takes Windows accounts alone, or does not trust this one's domain: use another login, or allow SQL Server authentication.",
        18486 => "The login is locked: unlock it on the server, then correct its password in the site's connectionString.",
        18487 or 18488 => "The login's password has expired: set a new one, and put it into the site's connectionString.",
        _ when IsLoginRefused(number) => "Check the login on the server.",
        4060 => "Correct the database's name in the site's connectionString or catalogues, or give the login a user in it.",
        17809 or 17810 => "All connections of the server are taken: raise its limit, or lower the Link's lanes.",
        _ => "Check that SQL Server runs, takes TCP connections and can be reached, and that the site's connectionString names its host and port.",
    };
}
