namespace Halo.Api.Storage.Backup;

/// <summary>The commands <c>backup</c> and <c>restore</c>, with the service's settings.</summary>
static class BackupCommands
{
    /// <summary>Runs the command that the arguments name.</summary>
    /// <returns>Null: they name none.</returns>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int?> TryRunAsync(string[] args)
    {
        if (args is not ["backup" or "restore", var file, .. var rest])
            return null;
        var configuration = HaloApi.CreateBuilder(rest).Configuration;
        var directory = DataDirectory.Prepare(ApiOptions.Read(configuration).DataDirectory);
        var storage = new DatabaseOptions { ConnectionString = configuration["Halo:Storage:ConnectionString"] };
        if (args[0] == "restore" && file == "--settle")
        {
            using var held = storage.UsesPostgres ? null : directory.Hold();
            await using var database = storage.Open(directory, TimeProvider.System);
            await using var alone = database is PostgresDatabase shared ? await shared.AloneAsync() : null;
            await database.MigrateAsync();
            Console.WriteLine($"Settled {await RestoredLedger.SettleAsync(database, TimeProvider.System)} queries that were not final.");
            return 0;
        }
        if (storage.UsesPostgres)
        {
            throw new StartupException(args[0] == "backup"
                ? "The store is PostgreSQL: back it up with pg_dump, and after that copy the directory 'pages'."
                : "The store is PostgreSQL: restore it with pg_restore and put the directory 'pages' back; then run halo-api restore --settle before the service starts.");
        }
        if (args[0] == "backup")
        {
            var (pages, bytes) = await new BackupCommand(directory).RunAsync(file);
            Console.WriteLine($"Wrote {file}: the store and {pages} pages, {bytes} bytes. It holds no key: keep master.key apart from it.");
        }
        else
        {
            using var held = directory.Hold();
            var (settled, pages) = await new RestoreCommand(directory, TimeProvider.System).RunAsync(file);
            Console.WriteLine($"Restored the store and {pages} pages. Settled {settled} queries that were not final (executed: unknown). The service needs the master key that the backup was made with.");
        }
        return 0;
    }
}
