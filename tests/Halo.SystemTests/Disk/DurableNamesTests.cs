using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Disk;

/// <summary>What the Link relies on survives a power loss. A name that a file is given does only when its directory is synced afterwards.</summary>
public sealed class DurableNamesTests
{
    [Fact]
    public async Task Every_name_that_a_Link_gives_a_file_of_its_own_is_synced_and_so_are_pages_that_the_API_has_not_taken_yet()
    {
        Assert.SkipUnless(SmallDisk.Run("strace", "-V"), "strace was not found. To get it: as root, apt-get install strace.");
        await using var fixture = await HaloFixture.StartAsync();
        var log = Path.Combine(fixture.TemporaryDirectory, "strace");
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        // The tracer is the child, so that the Link keeps its process id.
        link.Within = ["strace", "-D", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,rename", "-o", log];
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);

        var id = (await integrator.QueueAsync(site.Id, "SELECT 1")).Query.Id;
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, id)).Status);
        id = (await integrator.QueueAsync(site.Id, Sql.Generated("sqlite", 200_000))).Query.Id;
        await link.WhenAsyncRunAsync(1);
        fixture.Api.Process.Pause();
        try
        {
            await Eventually.BecomesAsync(() => Task.FromResult(Calls().Any(c => c.IsRename && c.Text.Contains(id.ToString("N"), StringComparison.Ordinal))
                && Unsynced().Count == 0), ok => ok);
        }
        finally
        {
            fixture.Api.Process.Continue();
        }
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, id)).Status);
        Assert.Contains(Calls(), c => c.IsRename && c.Text.Contains("spool.key", StringComparison.Ordinal));
        Assert.Empty(Unsynced());

        List<(bool IsRename, string Text)> Calls() =>
            [.. File.ReadLines(log).Where(l => l.Contains('(', StringComparison.Ordinal) && !l.Contains(" = -1 ", StringComparison.Ordinal))
                .Select(l => (l.Contains("rename(", StringComparison.Ordinal), l))];

        // The name of a page that was delivered matters to nobody: the API has it.
        List<string> Unsynced()
        {
            var open = new List<string>();
            foreach (var (isRename, text) in Calls())
            {
                if (isRename && text.Contains(link.DataDirectory, StringComparison.Ordinal) && !text.Contains(".sent\"", StringComparison.Ordinal))
                    open.Add(Path.GetDirectoryName(text.Split('"')[^2])!);
                else if (!isRename)
                    open.RemoveAll(directory => text.Contains($"<{directory}>", StringComparison.Ordinal));
            }
            return open;
        }
    }
}
