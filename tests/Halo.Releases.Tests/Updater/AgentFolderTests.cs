using Halo.Link.Updater.Files;
using Halo.Releases.Handover;

namespace Halo.Releases.Tests.Updater;

/// <summary>How the updater takes the agent's requests.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class AgentFolderTests : IDisposable
{
    const string Linux = "The updater's way to open files is Linux's; run this on Linux.";
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    readonly string _data = Directory.CreateTempSubdirectory("halo-agent-").FullName;

    string Folder => Directory.CreateDirectory(Path.Combine(_data, UpdateRequest.DirectoryName)).FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task No_request_is_lost_that_arrives_while_the_updater_looks_for_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), Linux);
        const int Requests = 2000;
        var folder = new AgentFolder(_data);
        using var limit = new CancellationTokenSource(Patience);
        var asking = Task.Run(() =>
        {
            for (var i = 0; i < Requests; i++)
            {
                Ask(new UpdateRequest(Number(i), null));
                while (folder.HasRequest)
                    limit.Token.ThrowIfCancellationRequested();
            }
        }, limit.Token);

        var taken = new List<Guid>();
        while (!asking.IsCompleted || folder.HasRequest)
            if (folder.Take() is { } request)
                taken.Add(request.Id);

        await asking;
        Assert.Equal(Enumerable.Range(0, Requests).Select(Number), taken);
        Assert.Empty(Directory.GetFiles(Folder));
    }

    [Fact]
    public void What_is_no_request_is_removed_and_so_is_what_an_end_amid_the_reading_left()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), Linux);
        var folder = new AgentFolder(_data);
        Assert.Null(folder.Take());
        File.WriteAllText(Path.Combine(_data, "elsewhere"), "kept");
        Action<string>[] faults =
        [
            path => File.WriteAllText(path, ""),
            path => File.WriteAllText(path, new string('x', UpdateRequest.Longest + 1)),
            path => File.CreateSymbolicLink(path, Path.Combine(_data, "elsewhere")),
            path => Directory.CreateDirectory(path),
        ];
        foreach (var name in (string[])[UpdateRequest.FileName, "request.taken"])
            foreach (var fault in faults)
            {
                fault(Path.Combine(Folder, name));
                Assert.Null(folder.Take());
                Assert.Empty(Directory.GetFileSystemEntries(Folder));
            }
        Assert.Equal("kept", File.ReadAllText(Path.Combine(_data, "elsewhere")));

        Directory.CreateDirectory(Path.Combine(Folder, "request.taken", "full"));
        Ask(new UpdateRequest(Number(1), null));
        Assert.Throws<IOException>(() => folder.Take());
        Assert.True(folder.HasRequest);
    }

    static Guid Number(int i) => new(i, 0, 0, new byte[8]);

    void Ask(UpdateRequest request)
    {
        var draft = Path.Combine(Folder, "request.tmp");
        File.WriteAllBytes(draft, request.ToBytes());
        File.Move(draft, Path.Combine(Folder, UpdateRequest.FileName), overwrite: true);
    }
}
