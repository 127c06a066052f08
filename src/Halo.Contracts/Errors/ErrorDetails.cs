using System.Text.Json.Serialization;

namespace Halo.Contracts.Errors;

/// <summary>Why a query failed.</summary>
/// <param name="ErrorType">Whose error it is: <c>mssql</c>, <c>pgsql</c>, <c>sqlite</c>, <c>haloLink</c> (the agent) or <c>http</c> (the way between).</param>
/// <param name="ErrorCode">The database's own number (SQLite: the extended code; PostgreSQL: 0, see <c>sqlState</c>); for <c>haloLink</c> and <c>http</c> the HTTP status.</param>
/// <param name="ErrorMessage">The database's own words, unchanged, or ours.</param>
public sealed record ErrorDetails(string ErrorType, int ErrorCode, string ErrorMessage)
{
    /// <summary>Our own word for it, from the closed list <see cref="FailureCodes"/>, explained in docs/http-api.md; absent on plain database errors.</summary>
    public string? Code { get; init; }

    /// <summary>The SQLSTATE, five characters, where the database gives one (PostgreSQL).</summary>
    public string? SqlState { get; init; }

    /// <summary>Of a batch: which of its commands failed, from 0. Absent where none of them did, as where its transaction could not be committed.</summary>
    public int? Index { get; init; }

    /// <summary>The line of the command or procedure, from 1, where the database gives one (SQL Server).</summary>
    public int? Line { get; init; }

    /// <summary>The database's own severity: SQL Server 11 to 25, PostgreSQL <c>ERROR</c>, <c>FATAL</c> or <c>PANIC</c>; SQLite has none.</summary>
    public string? Severity { get; init; }

    /// <summary>Parameters that could not be converted, one by one; absent otherwise.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }
}

/// <summary>Whose error an <see cref="ErrorDetails"/> is.</summary>
public static class ErrorTypes
{
    /// <summary>Microsoft SQL Server.</summary>
    public const string SqlServer = "mssql";

    /// <summary>PostgreSQL.</summary>
    public const string Postgres = "pgsql";

    /// <summary>SQLite.</summary>
    public const string Sqlite = "sqlite";

    /// <summary>The agent beside the database.</summary>
    public const string HaloLink = "haloLink";

    /// <summary>The way between caller and database.</summary>
    public const string Http = "http";
}
