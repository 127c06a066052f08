using System.Data.Common;
using System.Runtime.CompilerServices;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>What the server says over a connection beside its answers: PRINT, RAISERROR up to severity 10, warnings.</summary>
sealed class SqlServerMessages
{
    /// <summary>The severities above are errors.</summary>
    public const byte MostSevere = 10;

    /// <summary>What SQL Server says of every USE, SET LANGUAGE and failed statement.</summary>
    const int DatabaseChanged = 5701, LanguageChanged = 5703, StatementTerminated = 3621;

    readonly ConditionalWeakTable<DbConnection, DatabaseNotices> _notices = [];

    /// <summary>Listens to a new connection.</summary>
    public void Hear(SqlConnection connection) =>
        connection.InfoMessage += (sender, told) => Keep((SqlConnection)sender, told.Errors.Cast<SqlError>());

    /// <summary>What came in the same read as an error is no message to the driver: it puts it behind the errors.</summary>
    public void Keep(SqlConnection connection, SqlException failure) => Keep(connection, failure.Errors.Cast<SqlError>().Where(e => e.Class <= MostSevere));

    /// <summary>The Link's own word.</summary>
    public void Advise(SqlConnection connection, string advice) => For(connection).Add(NoticeCodes.Advice, advice);

    /// <summary>All that was said; null: nothing.</summary>
    public IReadOnlyList<Notice>? Of(DbConnection connection) => _notices.TryGetValue(connection, out var said) ? said.Taken : null;

    void Keep(SqlConnection connection, IEnumerable<SqlError> messages)
    {
        foreach (var message in messages)
            if (message.Number is not (DatabaseChanged or LanguageChanged or StatementTerminated))
                For(connection).Add(message.Message);
    }

    DatabaseNotices For(SqlConnection connection) => _notices.GetValue(connection, static _ => new());
}
