using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>What is sent before a command, in one round trip or none.</summary>
static class PostgresReader
{
    /// <summary>
    /// The transaction in which a command that may only read is held. It has looked at data once, so that it cannot be made one that writes any more, and it
    /// has a cursor that would outlive it, so that the server does not let it be prepared (PREPARE TRANSACTION) and left behind.
    /// </summary>
    const string Hold = "DECLARE halo_reader CURSOR WITH HOLD FOR SELECT 1";

    /// <summary>Null: nothing is to be sent.</summary>
    public static Func<NpgsqlConnection, CancellationToken, Task>? Preparation(CommandAccess access, string? applicationName, PracticeProtection protection) =>
        access == CommandAccess.Write && string.IsNullOrEmpty(applicationName) ? null : (connection, stop) => PrepareAsync(connection, access, applicationName, protection, stop);

    static async Task PrepareAsync(
        NpgsqlConnection connection, CommandAccess access, string? applicationName, PracticeProtection protection, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (access != CommandAccess.Write)
        {
            var isolation = protection.Isolation == ReaderIsolation.Snapshot ? "REPEATABLE READ" : "READ COMMITTED";
            batch.BatchCommands.Add(new($"BEGIN TRANSACTION ISOLATION LEVEL {isolation}, READ ONLY"));
            batch.BatchCommands.Add(new(Hold));
        }
        // Not in the connection string: each tag would have a pool of its own.
        if (!string.IsNullOrEmpty(applicationName))
        {
            var name = new NpgsqlBatchCommand("SELECT pg_catalog.set_config('application_name', $1, false)");
            name.Parameters.Add(new() { Value = applicationName });
            batch.BatchCommands.Add(name);
        }
        await batch.ExecuteNonQueryAsync(stop);
    }
}
