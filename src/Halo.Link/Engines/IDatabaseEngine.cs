using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines;

/// <summary>What differs from one database to the next: connect, bind, describe and write values, name errors.</summary>
public interface IDatabaseEngine : IAsyncDisposable
{
    /// <summary><c>sqlServer</c>, <c>postgres</c> or <c>sqlite</c>, as in the configuration.</summary>
    string Name { get; }

    /// <summary>One of <see cref="ErrorTypes"/>.</summary>
    string ErrorType { get; }

    /// <summary>Opens a connection that carries nothing from an earlier query.</summary>
    /// <param name="database">Name of the database behind the catalogue; null: the connection string's own.</param>
    /// <param name="applicationName">Shown in the database's activity view where it has one.</param>
    Task<DbConnection> OpenAsync(string? database, string? applicationName, CancellationToken stop);

    /// <summary>Makes the command and binds its parameters; every one that cannot be bound is added to <paramref name="faults"/>.</summary>
    DbCommand CreateCommand(DbConnection connection, QueryCommand command, ICollection<FieldError> faults);

    /// <summary>The column as the contract shows it; <paramref name="name"/> is already made unique.</summary>
    ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name);

    /// <summary>Chooses, once per result set, how a column's values become JSON.</summary>
    ValueWriter WriterFor(DbDataReader reader, int ordinal);

    /// <summary>The output parameters after the command has ended.</summary>
    IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked);

    /// <summary>The database's own words for an exception of its driver; null where it is none of the database's.</summary>
    ErrorDetails? NameError(Exception exception);

    /// <summary>The database's own identity (contract), null where it has none. May throw: the caller bounds and ignores it.</summary>
    Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop);
}

/// <summary>Writes one value of the current row as JSON. Static, chosen once per column: no boxing, no allocation of its own.</summary>
public delegate void ValueWriter(DbDataReader reader, int ordinal, System.Text.Json.Utf8JsonWriter json);
