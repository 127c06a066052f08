using System.Data;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Postgres.Connections;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>Proves that a command which failed has committed nothing. Asks the server; the text is not judged.</summary>
/// <remarks>
/// An ERROR undoes the transaction that it ends. So nothing was committed where the command had only that one, and there are two ways to show it:
/// a statement that the planner takes has no transactions of its own (the server's grammar says which those are: the ones that PREPARE takes); of any other
/// command the session's count of transactions is taken before and after. A server whose other sessions change the catalogue a thousand times meanwhile
/// (temporary tables) has each idle session take notice of it in transactions of their own: then the count proves nothing.
/// </remarks>
static class PostgresProof
{
    /// <summary>The server counts a session's transactions in its virtual transaction ids.</summary>
    const string Count = """
        SELECT pg_catalog.split_part(virtualtransaction, '/', 2) FROM pg_catalog.pg_locks
        WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND locktype OPERATOR(pg_catalog.=) 'virtualxid'
            AND virtualxid OPERATOR(pg_catalog.=) virtualtransaction
        """;

    /// <summary>The session's count of transactions, the one that asks included; null: the server does not say.</summary>
    public static async Task<uint?> CountAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        return await CountAsync(batch, stop);
    }

    /// <summary>The same, behind what is sent anyway.</summary>
    public static async Task<uint?> CountAsync(NpgsqlBatch batch, CancellationToken stop)
    {
        batch.Timeout = 5;
        batch.BatchCommands.Add(new(Count));
        return uint.TryParse(await batch.ExecuteScalarAsync(stop) as string, out var count) ? count : null;
    }

    /// <summary>What became of a command that ended with an ERROR, or left a transaction open that was rolled back. No transaction is open any more.</summary>
    /// <param name="connection">The command's own, or another of the same database if it was not counted before.</param>
    public static async Task<Executed> OfAsync(PostgresCommand command, NpgsqlConnection connection)
    {
        if (command.TransactionBefore is { } before)
            return await CountAsync(connection, CancellationToken.None) is { } after && unchecked(after - before) == 2 ? Executed.No : Executed.Unknown;
        if (!command.IsOneMessage)
            return Executed.Unknown;
        // What PREPARE holds declares its parameters by itself.
        if (await ParseAsync(connection, "PREPARE halo_probe AS\n" + command.CommandText, []) is null)
            return Executed.No;
        // A text that cannot be read now could not be read then: it never began.
        return await ParseAsync(connection, command.CommandText, command.Parameters) is PostgresErrorCodes.SyntaxError ? Executed.No : Executed.Unknown;
    }

    /// <summary>Lets the server read a text without executing it; gives the SQLSTATE of its refusal.</summary>
    static async Task<string?> ParseAsync(NpgsqlConnection connection, string text, IEnumerable<NpgsqlParameter> parameters)
    {
        await using var probe = new PostgresCommand(connection) { CommandText = text, CommandTimeout = 5 };
        foreach (var parameter in parameters)
            probe.Parameters.Add(parameter.Clone());
        probe.SendAsOneMessage();
        try
        {
            await using var reader = await probe.ExecuteReaderAsync(CommandBehavior.SchemaOnly);
            return null;
        }
        catch (PostgresException e)
        {
            return e.SqlState;
        }
    }
}
