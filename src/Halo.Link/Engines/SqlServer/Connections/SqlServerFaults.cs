using System.Net.Sockets;
using Halo.Contracts.Errors;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Connections;

/// <summary>Why SQL Server, or what stands before it, gave no connection.</summary>
static class SqlServerFaults
{
    public const string SnapshotRefused =
        "protection.isolation is snapshot, which the database does not allow: ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, or write another isolation.";

    const string Certificate =
        "The server's certificate is not trusted here, as one of its own making is not: install a certificate that this machine trusts, or its authority's, or"
        + " write TrustServerCertificate=true into the site's connectionString where the server is this machine.";

    const string OldTls =
        "The server offers no TLS version or cipher that this machine takes: update it (TLS 1.2 came to SQL Server 2008 to 2014 by updates), or write"
        + " Encrypt=Optional into the site's connectionString where the network between is the practice's own.";

    const string Browser =
        "The instance was not found: correct its name in the site's connectionString, or start SQL Server Browser and let it through the firewall (UDP port 1434),"
        + " or give the instance a fixed port and write Server=HOST,PORT.";

    const string Unreached =
        "Start SQL Server, enable TCP/IP for it in Configuration Manager, and check host and port in the site's connectionString (1433 unless changed) and the firewall.";

    /// <param name="named">The server's or the driver's own words.</param>
    public static ConnectionFault Of(Exception failure, ErrorDetails? named)
    {
        if (failure is SqlInstanceNotFoundException)
            return ConnectionFault.Of(new ErrorDetails(ErrorTypes.HaloLink, 503, $"The Link cannot connect to its database: {failure.Message}."), Browser);
        if (failure is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            return ConnectionFault.Of(failure, "SQL Server") with { Advice = Unreached };
        if (failure is not SqlException e || named is null)
            return ConnectionFault.Of(failure, "SQL Server");
        var number = e.Errors.Cast<SqlError>().FirstOrDefault(error => error.Class > 10)?.Number ?? e.Number;
        // The driver's own words for what lies below it are a frame around the inner ones.
        var inner = Innermost(e);
        var error = inner is null || named.ErrorMessage.Contains(inner, StringComparison.Ordinal)
            ? named
            : named with { ErrorMessage = $"{named.ErrorMessage.TrimEnd()} {inner}" };
        return ConnectionFault.Of(error, AdviceOf(number, $"{e.Message} {inner}"), IsLoginRefused(number));
    }

    /// <summary>What to do about an error that a command met; null: it is the command's own.</summary>
    public static string? AdviceOn(int number) => number switch
    {
        229 or 230 or 262 or 297 or 300 or 371 or 15247 =>
            "The site's login lacks a right: grant it what the message names, or run deploy/sql/sqlserver-reader.sql for it again.",
        911 or 916 or 924 or 942 => AdviceOf(number, ""),
        3952 => SnapshotRefused,
        _ => null,
    };

    static string? Innermost(Exception failure)
    {
        var inner = failure.InnerException;
        while (inner?.InnerException is { } deeper)
            inner = deeper;
        return inner?.Message.TrimEnd();
    }

    static bool IsLoginRefused(int number) => number is 18450 or 18451 or 18452 or (>= 18456 and <= 18463) or 18470 or 18486 or 18487 or 18488;

    static string AdviceOf(int number, string words) => number switch
    {
        18456 => "Correct the login or its password in the site's connectionString; the server's log has the state that says which.",
        18452 => "The server takes Windows accounts alone, or does not trust this one's domain: use another login, or allow SQL Server authentication.",
        18486 => "The login is locked: unlock it on the server, then correct its password in the site's connectionString.",
        18487 or 18488 => "The login's password has expired: set a new one, and put it into the site's connectionString.",
        18470 => "The login is disabled: enable it on the server (ALTER LOGIN … ENABLE).",
        _ when IsLoginRefused(number) => "Check the login on the server.",
        911 or 4060 or 4063 or 4064 => "Correct the database's name in the site's connectionString or catalogues, or give the login a user in it.",
        916 => "Give the login a user in the database (CREATE USER … FOR LOGIN …).",
        922 or 927 => "The database is being restored or recovered: wait until it is online.",
        924 or 5064 => "The database is in single-user mode and somebody else is in it: set it back to MULTI_USER.",
        942 or 945 or 926 => "The database is offline or suspect: bring it online on the server.",
        976 or 978 or 979 or 983 => "This replica is not readable: connect to the availability group's listener, and check protection.readIntent.",
        17142 or 17809 or 17810 or 17830 or 10928 or 10929 => "The server is paused, or all its connections are taken: continue it, raise its limit, or lower the Link's lanes.",
        // The driver's own: the server and its instance were not found.
        _ when words.Contains("error: 26", StringComparison.Ordinal) => Browser,
        _ when words.Contains("certificate", StringComparison.OrdinalIgnoreCase) => Certificate,
        _ when words.Contains("does not support encryption", StringComparison.Ordinal)
            || words.Contains("pre-login handshake", StringComparison.OrdinalIgnoreCase) && Speaks(words, "SSL", "TLS", "ssl", "tls", "error: 31") => OldTls,
        _ when words.Contains("Kerberos", StringComparison.OrdinalIgnoreCase) || words.Contains("SSPI", StringComparison.Ordinal) || words.Contains("GSSAPI", StringComparison.Ordinal) =>
            "Windows authentication did not come about: check the account that Halo Link runs as, its Kerberos ticket, and the server's SPN (MSSQLSvc/host:port).",
        _ => Unreached,
    };

    static bool Speaks(string words, params ReadOnlySpan<string> any)
    {
        foreach (var word in any)
            if (words.Contains(word, StringComparison.Ordinal))
                return true;
        return false;
    }
}
