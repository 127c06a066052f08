using Halo.Api.Backup;
using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;

namespace Halo.Api;

/// <summary>The commands <c>backup</c> and <c>restore</c>, with the service's settings.</summary>
static class BackupCommands
{
    /// <summary>Writes store and pages to a file.</summary>
    /// <param name="settings">Of the service, as they stand on its command line.</param>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int> BackupAsync(string file, string[] settings)
    {
        var (storage, directory) = Open(settings);
        if (storage.UsesPostgres)
            throw new StartupException("The store is PostgreSQL: back it up with pg_dump, and after that copy the directory 'pages'.");
        var (pages, bytes) = await new BackupCommand(directory).RunAsync(file);
        System.Console.WriteLine($"Wrote {file}: the store and {pages} pages, {bytes} bytes. It holds no key: keep master.key apart from it.");
        return 0;
    }

    /// <summary>Puts back what a backup holds.</summary>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int> RestoreAsync(string file, string[] settings)
    {
        var (storage, directory) = Open(settings);
        if (storage.UsesPostgres)
            throw new StartupException("The store is PostgreSQL: restore it with pg_restore and put the directory 'pages' back; then run halo-api restore --settle before the service starts.");
        using var held = directory.Hold();
        var (settled, pages) = await new RestoreCommand(directory, TimeProvider.System).RunAsync(file);
        System.Console.WriteLine($"Restored the store and {pages} pages. Settled {settled} queries that were not final (executed: unknown). The service needs the master key that the backup was made with.");
        return 0;
    }

    /// <summary>Settles what was open in a store that was put back by other means.</summary>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int> SettleAsync(string[] settings)
    {
        var (storage, directory) = Open(settings);
        using var held = storage.UsesPostgres ? null : directory.Hold();
        await using var database = storage.Open(directory, TimeProvider.System);
        await using var alone = database is PostgresDatabase shared ? await shared.AloneAsync() : null;
        await database.MigrateAsync();
        System.Console.WriteLine($"Settled {await RestoredLedger.SettleAsync(database, TimeProvider.System)} queries that were not final.");
        return 0;
    }

    static (DatabaseOptions Storage, DataDirectory Directory) Open(string[] settings)
    {
        var options = ApiOptions.Read(HaloApi.CreateBuilder(settings).Configuration);
        return (options.Storage, DataDirectory.Prepare(options.DataDirectory));
    }
}
