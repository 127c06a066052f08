using System.Diagnostics;
using System.Text.Json.Nodes;
using Halo.Soak.World;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Halo.Soak.Checks;

/// <summary>When nothing runs, nothing is held: lanes, files, connections, memory, disk.</summary>
sealed class Leaks(SoakWorld world)
{
    const long LinkBytes = 200L << 20, ApiBytes = 450L << 20;
    const int LinkFiles = 350, ApiFiles = 450;

    public async Task CheckAsync()
    {
        await BecomesAsync("lanes are held", async () => await WorkAsync() ?? "halo-link status does not answer", work => work.All(c => c is '0' or ' '));
        await BecomesAsync("pages are left in the spool", () => Task.FromResult(Pages(Path.Combine(world.Link.DataDirectory, "spool"))), n => n == 0);
        await BecomesAsync("drafts of pages are left at the API", () => Task.FromResult(Pages(Path.Combine(world.Api.DataDirectory, "pages", "drafts"))), n => n == 0);
        foreach (var practice in world.Practices)
            await BecomesAsync($"connections to {practice.Engine} are at work", practice.BusyConnectionsAsync, n => n == 0);
        if (world.Store is null)
            await CheckFileAsync("the API's store", Path.Combine(world.Api.DataDirectory, "halo.db"));
        await CheckFileAsync("the Link's journal", Path.Combine(world.Link.DataDirectory, "journal.db"));
        Bound("Link", world.Link.Process, LinkBytes, LinkFiles);
        Bound("API", world.Api.Process, ApiBytes, ApiFiles);
    }

    /// <summary>SQLite's own check, of a file that was killed while it was written.</summary>
    async Task CheckFileAsync(string what, string file)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Mode=ReadWrite;Pooling=False;Default Timeout=30");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA integrity_check";
        if (await command.ExecuteScalarAsync() is not "ok")
            world.Notebook.Defect($"{what} is damaged");
    }

    void Bound(string name, HaloProcess process, long bytes, int files)
    {
        world.Notebook.Highest($"highest: resident MB of the {name}", process.ResidentBytes >> 20);
        world.Notebook.Highest($"highest: open files of the {name}", process.OpenFiles);
        if (process.ResidentBytes > bytes)
            world.Notebook.Defect($"The {name} has {process.ResidentBytes >> 20} MB resident");
        if (process.OpenFiles > files)
            world.Notebook.Defect($"The {name} has {process.OpenFiles} open files");
    }

    async Task BecomesAsync<T>(string otherwise, Func<Task<T>> ask, Func<T, bool> enough)
    {
        try
        {
            await Eventually.BecomesAsync(ask, enough, TimeSpan.FromSeconds(20));
        }
        catch (TimeoutException e)
        {
            world.Notebook.Defect($"Nothing runs, and {otherwise}: {e.Message}");
        }
    }

    async Task<string?> WorkAsync()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { Repository.Program("Halo.Link", "halo-link"), "status", "--json", "--config", world.Link.ConfigurationFile })
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? string.Join(' ', JsonNode.Parse(text)!["work"]!.AsObject().Select(p => p.Value!.ToString())) : null;
    }

    static int Pages(string directory) =>
        Directory.Exists(directory) ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Count() : 0;
}
