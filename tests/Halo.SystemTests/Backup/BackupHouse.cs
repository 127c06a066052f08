using System.Formats.Tar;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Halo.SystemTests.Backup;

/// <summary>The real programs, and the commands of an operator who keeps backups.</summary>
sealed class BackupHouse : IAsyncDisposable
{
    readonly string _practice;

    BackupHouse(HaloFixture fixture, LinkProgram link, Site site, IntegratorClient integrator, string practice) =>
        (Fixture, Link, Site, Integrator, _practice) = (fixture, link, site, integrator, practice);

    public HaloFixture Fixture { get; }

    public LinkProgram Link { get; }

    public Site Site { get; }

    public IntegratorClient Integrator { get; }

    /// <summary>Where backups go.</summary>
    public string File(string name) => Path.Combine(Fixture.TemporaryDirectory, name);

    public static async Task<BackupHouse> OpenAsync()
    {
        var fixture = await HaloFixture.StartAsync();
        try
        {
            var practice = fixture.SqliteFile();
            Sql.Run(practice, "CREATE TABLE counting (id INTEGER NOT NULL)");
            var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", practice));
            return new(fixture, link, site, integrator, practice);
        }
        catch
        {
            await fixture.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command of <c>halo-api</c> on the service's data directory.</summary>
    public async Task<(int Code, string Output)> RunAsync(params string[] command)
    {
        await using var process = HaloProcess.Start(Repository.Program("Halo.Api", "halo-api"), [.. command, $"--Halo:DataDirectory={Fixture.Api.DataDirectory}"]);
        return (await process.Exited, process.Output);
    }

    public async Task BackUpAsync(string file)
    {
        var (code, output) = await RunAsync("backup", file);
        Assert.True(code == 0, output);
    }

    /// <summary>The service is gone with its disk: what is there again is the backup, and the key that was kept apart.</summary>
    public async Task LoseAndRestoreAsync(string file)
    {
        var api = Fixture.Api;
        if (!api.Process.HasExited)
            await api.Process.KillAsync();
        var key = await System.IO.File.ReadAllBytesAsync(Path.Combine(api.DataDirectory, "master.key"));
        Directory.Delete(api.DataDirectory, recursive: true);
        Directory.CreateDirectory(api.DataDirectory);
        await System.IO.File.WriteAllBytesAsync(Path.Combine(api.DataDirectory, "master.key"), key);
        var (code, output) = await RunAsync("restore", file);
        Assert.True(code == 0, output);
        await api.StartAsync();
    }

    /// <summary>Ids in the practice's own database: how often each, at most, and how many.</summary>
    public (long Rows, long Different) Count()
    {
        using var connection = new SqliteConnection(_practice + ";Pooling=False");
        connection.Open();
        using var command = new SqliteCommand("SELECT COUNT(*), COUNT(DISTINCT id) FROM counting", connection);
        using var reader = command.ExecuteReader();
        reader.Read();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    /// <summary>What a store that no process uses says of itself.</summary>
    public static string Integrity(string file)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var command = new SqliteCommand("PRAGMA integrity_check", connection);
        return (string)command.ExecuteScalar()!;
    }

    /// <summary>Pages in a backup's manifest, and pages that it holds, each by the end of its name.</summary>
    public (HashSet<string> Named, HashSet<string> Held) PagesOf(string file)
    {
        var held = new HashSet<string>();
        var store = File(Guid.NewGuid() + ".db");
        using (var tar = new TarReader(System.IO.File.OpenRead(file)))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.Name == "halo.db")
                    entry.ExtractToFile(store, overwrite: false);
                else
                    held.Add(string.Join('/', entry.Name.Split('/')[^2..]));
            }
        }
        Assert.Equal("ok", Integrity(store));
        var named = new HashSet<string>();
        using var connection = new SqliteConnection($"Data Source={store};Pooling=False");
        connection.Open();
        using var command = new SqliteCommand("SELECT query_id, page_number, digest FROM pages", connection);
        using var reader = command.ExecuteReader();
        while (reader.Read())
            named.Add($"{reader.GetGuid(0)}/{reader.GetInt32(1):000000}-{Convert.ToHexStringLower(Convert.FromBase64String(reader.GetString(2)))}.page");
        return (named, held);
    }

    public ValueTask DisposeAsync() => Fixture.DisposeAsync();
}
