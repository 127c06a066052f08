using System.Data;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>What SQL Server has proved of a command that did not succeed.</summary>
/// <remarks>
/// A cancel proves nothing: the driver says "Operation cancelled by user" too where the statement had come to its end. Nor do counts of
/// rows: those of a trigger's statements come before the end of the statement that fired it, and under NOCOUNT there are none. What a
/// procedure returns comes after all it did, and sp_executesql, by which texts with parameters and single writes go, is one.
/// </remarks>
static class SqlServerProof
{
    /// <summary>RAISERROR can raise these, in a trigger or procedure whose work goes on.</summary>
    const int FirstRaised = 13_000;

    /// <summary>Errors of the parser: no statement of the batch has begun.</summary>
    static readonly HashSet<int> OfTheParser = [102, 103, 105, 111, 113, 134, 137, 156, 178, 319];

    /// <summary>A deadlock's victim and what triggers roll back: the whole transaction is gone, and the batch has ended.</summary>
    static readonly HashSet<int> RolledBack = [1205, 3609, 3616, 3960];

    /// <summary>A call that did not come about: no such procedure, parameters missing, too many, or unknown, no right to execute it.</summary>
    static readonly HashSet<int> OfTheCall = [201, 229, 2812, 8144, 8145];

    /// <summary>Makes the command's end visible; costs no round trip.</summary>
    public static void Observe(SqlCommand command, QueryCommand asked)
    {
        var status = StatusOf(command);
        // A text without parameters is a batch, which has no status; a single write is the same statement by sp_executesql.
        if (status is null && (command.CommandType == System.Data.CommandType.StoredProcedure || command.Parameters.Count > 0 || TransactSql.WritesOnce(asked)))
            command.Parameters.Add(new SqlParameter("@halo_return_status", SqlDbType.Int) { Direction = System.Data.ParameterDirection.ReturnValue });
        else if (status is not null)
            status.Value = DBNull.Value;
    }

    /// <param name="rolledBack">A transaction was open and was rolled back.</param>
    public static Executed Of(SqlConnection connection, SqlCommand command, QueryCommand asked, Exception? failure, bool rolledBack)
    {
        // The connection answers, so that nothing is open in it any more.
        if (connection.State != ConnectionState.Open)
            return Executed.Unknown;
        if (!TransactSql.MayCommit(asked))
            return Executed.No;
        if (failure is not SqlException { Errors.Count: > 0 } e)
            return Executed.Unknown;
        // Messages come along with errors.
        var errors = e.Errors.Cast<SqlError>().Where(error => error.Class > 10).ToList();
        if (!errors.Exists(IsOfTheServer))
            return !rolledBack && HasEnded(command) ? Executed.Yes : Executed.Unknown;
        return errors.TrueForAll(IsOfTheServer) && ProvesNothingRan(errors, asked) ? Executed.No : Executed.Unknown;
    }

    /// <summary>A procedure returns what it likes, sp_executesql returns 0 or the last error's number.</summary>
    static bool HasEnded(SqlCommand command) =>
        StatusOf(command)?.Value is int status && (status == 0 || command.CommandType == System.Data.CommandType.StoredProcedure);

    static bool ProvesNothingRan(List<SqlError> errors, QueryCommand asked)
    {
        if (asked.Type == Contracts.Queries.CommandType.StoredProcedure)
            return errors.TrueForAll(error => OfTheCall.Contains(error.Number) && error.LineNumber <= 1 && IsOfTheCall(error, asked.Text));
        if (errors.Exists(error => OfTheParser.Contains(error.Number) && error.Procedure.Length == 0) && !TransactSql.Calls(asked))
            return true;
        if (errors.Exists(error => RolledBack.Contains(error.Number)))
            return TransactSql.IsAtomic(asked) || TransactSql.IsOneTransaction(asked);
        // What a trigger met names it; whether its statement was taken back with it, it does not say.
        return TransactSql.IsAtomic(asked) && errors.TrueForAll(error => error.Number < FirstRaised && error.Procedure.Length == 0);
    }

    /// <summary>
    /// Inside a procedure the error would name that procedure's own line; but a text that a procedure runs (EXEC, sp_executesql) has lines of its own and no
    /// procedure. What is missing there the words name, in every language, and here it is the one that was called.
    /// </summary>
    static bool IsOfTheCall(SqlError error, string procedure)
    {
        var name = procedure.AsSpan(procedure.LastIndexOf('.') + 1).Trim("[]\" ");
        return (error.Procedure.Length == 0 || error.Procedure.AsSpan(error.Procedure.LastIndexOf('.') + 1).Equals(name, StringComparison.OrdinalIgnoreCase))
            && Names(error.Message, name);
    }

    /// <summary>Whether a message has a name as a whole word.</summary>
    static bool Names(ReadOnlySpan<char> message, ReadOnlySpan<char> name)
    {
        for (var from = 0; name.Length > 0 && message[from..].IndexOf(name, StringComparison.OrdinalIgnoreCase) is >= 0 and var at; from += at + 1)
        {
            var (begin, end) = (from + at, from + at + name.Length);
            if ((begin == 0 || !IsOfName(message[begin - 1])) && (end == message.Length || !IsOfName(message[end])))
                return true;
        }
        return false;
    }

    static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is '_' or '@' or '#' or '$';

    /// <summary>The driver's own have no number, or break the connection.</summary>
    public static bool IsOfTheServer(SqlError error) => error is { Number: > 0, Class: < 20 };

    static SqlParameter? StatusOf(SqlCommand command) =>
        command.Parameters.Cast<SqlParameter>().FirstOrDefault(p => p.Direction == System.Data.ParameterDirection.ReturnValue);
}
