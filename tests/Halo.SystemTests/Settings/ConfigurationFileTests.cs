using System.Text.Json.Nodes;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Settings;

/// <summary>The ways in which a configuration file changes on real servers.</summary>
public sealed class ConfigurationFileTests
{
    [Fact]
    public async Task A_file_is_followed_however_it_is_changed()
    {
        IgnoredSignals.SkipWhereIgnored("SIGHUP");
        await using var halo = await HaloFixture.StartAsync();
        var (link, site, _) = await halo.AddPairedAsync(new("sqlite", halo.SqliteFile()));
        var file = link.ConfigurationFile;

        // As editors do: a new file in the place of the old one.
        await File.WriteAllTextAsync(file + "~", await NamedAsync(file, "Moved there"));
        File.Move(file + "~", file, overwrite: true);
        await BecomesAsync("Moved there");

        // SIGHUP on a faulty one says its fault again, each time that somebody asks.
        var good = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, good.Replace("\"sqlite\"", "\"sqlight\"", StringComparison.Ordinal));
        await SaidAsync("the one before stays in force", 1);
        link.Process.HangUp();
        await SaidAsync("the one before stays in force", 2);
        await File.WriteAllTextAsync(file, await NamedAsync(good, "Mended"));
        await BecomesAsync("Mended");

        // SIGHUP on one that has not changed does no harm, and ends nothing.
        var applied = Count("changed configuration is in force");
        link.Process.HangUp();
        await SaidAsync("changed configuration is in force", applied + 1);
        Assert.False(link.Process.HasExited);
        Assert.Equal(site.Id, Assert.Single(await link.FindSitesAsync()).Id);

        async Task BecomesAsync(string name) =>
            await link.Process.UntilAsync(link.FindSitesAsync, s => s is [{ PracticeMetadata.PracticeName: { } shown }] && shown == name);
        int Count(string words) => link.Process.Lines.Count(l => l.Contains(words, StringComparison.Ordinal));
        async Task SaidAsync(string words, int times) => await link.Process.UntilAsync(() => Task.FromResult(Count(words)), c => c >= times);
    }

    [Fact]
    public async Task Behind_a_link_in_the_file_system_a_turned_one_is_noticed()
    {
        await using var halo = await HaloFixture.StartAsync();
        var link = halo.AddLink(new LinkSite("sqlite", halo.SqliteFile()));
        // As deployments and container platforms do: the name is a link, and another link is put in its place.
        var folder = Path.GetDirectoryName(link.ConfigurationFile)!;
        var (first, second) = (Path.Combine(folder, "v1.json"), Path.Combine(folder, "v2.json"));
        File.Move(link.ConfigurationFile, first);
        await File.WriteAllTextAsync(second, await NamedAsync(first, "Second version"));
        File.CreateSymbolicLink(link.ConfigurationFile, first);
        await link.StartAsync();
        File.CreateSymbolicLink(link.ConfigurationFile + "~", second);
        File.Move(link.ConfigurationFile + "~", link.ConfigurationFile, overwrite: true);
        await link.Process.UntilAsync(link.FindSitesAsync, s => s is [{ PracticeMetadata.PracticeName: "Second version" }]);
    }

    static async Task<string> NamedAsync(string fileOrText, string name)
    {
        var file = JsonNode.Parse(File.Exists(fileOrText) ? await File.ReadAllTextAsync(fileOrText) : fileOrText)!;
        file["sites"]![0]!["practiceName"] = name;
        return file.ToJsonString();
    }
}
