using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>What is sent before a command, in one round trip or none.</summary>
static class PostgresPreparation
{
    /// <summary>
    /// The transaction in which a command that may only read is held. It has looked at data once, so that it cannot be made one that writes any more, and it
    /// has a cursor that would outlive it, so that the server does not let it be prepared (PREPARE TRANSACTION) and left behind.
    /// </summary>
    internal const string Hold = "DECLARE halo_reader CURSOR WITH HOLD FOR SELECT 1";

    /// <summary>Gives the session the name that it is to have, and begins the transaction of a command that may only read.</summary>
    public static async Task PrepareAsync(PostgresSession session, CommandAccess access, string name, PracticeProtection protection, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(session.Connection);
        if (access != CommandAccess.Write)
        {
            var isolation = protection.Isolation == ReaderIsolation.Snapshot ? "REPEATABLE READ" : "READ COMMITTED";
            batch.BatchCommands.Add(new($"BEGIN TRANSACTION ISOLATION LEVEL {isolation}, READ ONLY"));
            batch.BatchCommands.Add(new(Hold));
        }
        // Not in the connection string: each name would have a pool of its own.
        if (session.Name != name)
            batch.BatchCommands.Add(PostgresSession.Rename(name));
        await batch.ExecuteNonQueryAsync(stop);
    }
}
