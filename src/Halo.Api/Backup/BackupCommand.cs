using System.Formats.Tar;
using Halo.Api.Basics;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Line;
using Microsoft.Data.Sqlite;

namespace Halo.Api.Backup;

/// <summary><c>halo-api backup FILE</c>: database and pages in one tar file, while the service runs. Never a key.</summary>
/// <remarks>
/// (1) SQLite copies one consistent state (<c>VACUUM INTO</c>); the service's own wrapped keys are taken out of the copy.
/// (2) The pages that the copy's manifest names are added; a page never changes, and one that was removed meanwhile had had its
/// time: its result is taken out of the copy. (3) The file gets its name when it is whole and on the disk.
/// </remarks>
sealed class BackupCommand(DataDirectory directory)
{
    /// <summary>The database's name in the file.</summary>
    public const string DatabaseName = "halo.db";

    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public async Task<(int Pages, long Bytes)> RunAsync(string file)
    {
        file = Path.GetFullPath(file);
        var source = directory.File(DatabaseName);
        if (!File.Exists(source))
            throw new StartupException($"There is no store '{source}' to back up. Name its directory in Halo:DataDirectory.");
        if (File.Exists(file))
            throw new StartupException($"'{file}' exists already and is not overwritten. Choose another name.");
        var (copy, draft) = (file + ".db.tmp", file + ".tmp");
        try
        {
            DurableFile.EnsureOwnerOnly(draft);
            DurableFile.EnsureOwnerOnly(copy);
            File.Delete(copy + "-journal");
            await CopyAsync(source, copy);
            var pages = await WriteAsync(copy, draft);
            var bytes = new FileInfo(draft).Length;
            DurableFile.Publish(draft, file);
            return (pages, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SqliteException)
        {
            throw new StartupException($"The backup '{file}' could not be written ({e.Message}).", e);
        }
        finally
        {
            File.Delete(copy);
            File.Delete(draft);
        }
    }

    static async Task CopyAsync(string source, string copy)
    {
        await using (var connection = Open(source, SqliteOpenMode.ReadWrite))
        {
            await using var vacuum = connection.Command(null, "VACUUM INTO @copy", ("copy", copy));
            vacuum.CommandTimeout = 0;
            await vacuum.ExecuteNonQueryAsync();
        }
        await using var made = Open(copy, SqliteOpenMode.ReadWrite);
        await using var clean = made.Command(null, "PRAGMA secure_delete = ON; DELETE FROM api_keys; DELETE FROM pairing_codes; DELETE FROM link_sessions");
        await clean.ExecuteNonQueryAsync();
    }

    async Task<int> WriteAsync(string copy, string draft)
    {
        var written = 0;
        await using var file = new FileStream(draft, FileMode.Create, FileAccess.Write, FileShare.None);
        await using (var tar = new TarWriter(file, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (path, id) in await PagesAsync(copy))
            {
                if (File.Exists(path))
                {
                    await tar.WriteEntryAsync(path, Path.GetRelativePath(directory.Path, path).Replace('\\', '/'));
                    written++;
                }
                else
                {
                    await ForgetAsync(copy, id);
                }
            }
            // Last: it knows by then what went while the pages were copied.
            await tar.WriteEntryAsync(copy, DatabaseName);
        }
        file.Flush(flushToDisk: true);
        return written;
    }

    async Task<List<(string Path, Guid QueryId)>> PagesAsync(string copy)
    {
        await using var connection = Open(copy, SqliteOpenMode.ReadOnly);
        await using var command = connection.Command(null, "SELECT query_id, page_number, digest FROM pages ORDER BY query_id, page_number");
        await using var reader = await command.ExecuteReaderAsync();
        var pages = new List<(string, Guid)>();
        while (await reader.ReadAsync())
            pages.Add((FilePageStore.PathOf(directory, reader.GetGuid(0), reader.GetInt32(1), reader.GetString(2)), reader.GetGuid(0)));
        return pages;
    }

    static async Task ForgetAsync(string copy, Guid queryId)
    {
        await using var connection = Open(copy, SqliteOpenMode.ReadWrite);
        await using var command = connection.Command(null,
            "DELETE FROM pages WHERE query_id = @id; UPDATE queries SET wrapped_key = NULL, detail = NULL WHERE id = @id AND completed_at IS NOT NULL",
            ("id", queryId));
        await command.ExecuteNonQueryAsync();
    }

    static SqliteConnection Open(string file, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = mode, Pooling = false, DefaultTimeout = 30 }.ConnectionString);
        connection.Open();
        return connection;
    }
}
