using System.Formats.Tar;
using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Storage;
using Halo.Api.Storage.Sqlite;
using Halo.Line;

namespace Halo.Api.Backup;

/// <summary><c>halo-api restore FILE</c>: a backup into a data directory that holds no store, everything that was open settled.</summary>
/// <remarks>The database gets its name last, after it was settled: a restore that was interrupted leaves no store that could start.</remarks>
sealed class RestoreCommand(DataDirectory directory, TimeProvider time)
{
    const string Draft = "restoring.db";

    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public async Task<(int Settled, int Pages)> RunAsync(string file)
    {
        Refuse(directory.File(BackupCommand.DatabaseName));
        Refuse(directory.File(BackupCommand.DatabaseName + "-wal"));
        if (Directory.Exists(directory.File("pages")) && Directory.EnumerateFiles(directory.File("pages"), "*.page", SearchOption.AllDirectories).Any())
            Refuse(directory.File("pages"), exists: true);
        try
        {
            foreach (var left in Directory.GetFiles(directory.Path, Draft + "*"))
                File.Delete(left);
            var pages = await ExtractAsync(file);
            var draft = directory.File(Draft);
            if (!File.Exists(draft))
                throw new StartupException($"'{file}' holds no {BackupCommand.DatabaseName}: it is not a backup, or not a whole one.");
            var settled = 0;
            await using (var database = new SqliteDatabase(draft, time))
            {
                await database.MigrateAsync();
                settled = await RestoredLedger.SettleAsync(database, time);
            }
            DurableFile.Publish(draft, directory.File(BackupCommand.DatabaseName));
            return (settled, pages);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or StorageException)
        {
            throw new StartupException($"The backup '{file}' could not be restored ({e.Message}).", e);
        }
    }

    async Task<int> ExtractAsync(string file)
    {
        var pages = 0;
        await using var stream = File.OpenRead(file);
        await using var tar = new TarReader(stream);
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            var target = entry.Name == BackupCommand.DatabaseName ? directory.File(Draft) : Path.GetFullPath(directory.File(entry.Name));
            // A name that leads elsewhere is nobody's page.
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                || (entry.Name != BackupCommand.DatabaseName && !target.StartsWith(directory.File("pages") + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
                throw new InvalidDataException($"it holds '{entry.Name}'");
            DurableFile.CreateDirectory(Path.GetDirectoryName(target)!);
            DurableFile.EnsureOwnerOnly(target);
            await using var content = new FileStream(target, FileMode.Create, FileAccess.Write);
            if (entry.DataStream is { } data)
                await data.CopyToAsync(content);
            content.Flush(flushToDisk: true);
            if (entry.Name != BackupCommand.DatabaseName)
                pages++;
        }
        return pages;
    }

    static void Refuse(string path, bool exists = false)
    {
        if (exists || File.Exists(path))
            throw new StartupException($"'{path}' exists, and a restore overwrites nothing. Move it away, or name an empty directory in Halo:DataDirectory.");
    }
}
