using Halo.Link.Tests.Work.Async;
using Halo.Link.Updating;
using Halo.Releases.Handover;

namespace Halo.Link.Tests.Updating;

/// <summary>What the agent puts down for the updater, and what it reads of it.</summary>
public sealed class UpdateHandoverTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string Data => Directory.CreateDirectory(Path.Combine(_folder.Path, "data")).FullName;

    string Folder => Path.Combine(Data, UpdateRequest.DirectoryName);

    [Fact]
    public void A_bundle_is_handed_over_with_its_request_and_those_before_go()
    {
        var (first, second) = (Bundle("first"), Bundle("second"));
        var asked = UpdateHandover.Request(Data, first, move: true, again: false, null, TimeProvider.System);
        Assert.False(File.Exists(first));
        Assert.Equal("first", File.ReadAllText(Path.Combine(Folder, RequestNow().Bundle!)));

        var apiTime = new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);
        var later = UpdateHandover.Request(Data, second, move: false, again: true, apiTime, TimeProvider.System);
        Assert.True(File.Exists(second));
        var request = RequestNow();
        Assert.Equal((later, true, apiTime), (request.Id, request.Again, request.ApiTime));
        Assert.NotNull(request.LocalTime);
        Assert.NotEqual(asked, later);
        Assert.Equal(["second", "request"], Directory.GetFiles(Folder).Select(f => f.EndsWith(".bundle", StringComparison.Ordinal) ? File.ReadAllText(f) : "request").OrderDescending());
        TemporaryFolder.AssertOwnersAlone(Directory.GetFiles(Folder).Append(Folder));
    }

    [Fact]
    public void Going_back_names_no_bundle()
    {
        var id = UpdateHandover.RequestRollback(Data, TimeProvider.System);
        Assert.Equal(new UpdateRequest(id, null), RequestNow());
    }

    [Fact]
    public void A_folder_that_leads_elsewhere_is_not_written()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder.Path, "elsewhere")).FullName;
        Directory.CreateSymbolicLink(Folder, elsewhere);
        Assert.Throws<IOException>(() => UpdateHandover.RequestRollback(Data, TimeProvider.System));
        Assert.Empty(Directory.GetFiles(elsewhere));
    }

    [Fact]
    public void What_the_updater_wrote_down_is_told_to_people()
    {
        Assert.Null(UpdateReport.Find(Data));
        var at = new DateTimeOffset(2026, 12, 1, 2, 3, 4, TimeSpan.Zero);
        Write(new UpdateState
        {
            Pending = new(Guid.Empty, "26.1130.1", "26.1201.7", UpdatePhase.Trial, at),
            Last = new(Guid.Empty, UpdateOutcome.RolledBack, "Version 26.1201.6 ended by itself.", at),
        }.ToBytes());
        var report = UpdateReport.Find(Data)!;
        Assert.Equal(["update from 26.1130.1 to 26.1201.7: on trial since 2026-12-01 02:03:04Z", "last update, 2026-12-01 02:03:04Z: Version 26.1201.6 ended by itself."], report.Lines());

        foreach (var damaged in (string[])["", "{", """{"good":["../x"]}""", new string(' ', UpdateState.Longest + 1)])
        {
            Write(System.Text.Encoding.UTF8.GetBytes(damaged));
            Assert.Null(UpdateReport.Find(Data));
        }
    }

    public void Dispose() => _folder.Dispose();

    UpdateRequest RequestNow() => UpdateRequest.Parse(File.ReadAllBytes(Path.Combine(Folder, UpdateRequest.FileName)))!;

    void Write(byte[] state) => File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(UpdateState.DirectoryBeside(Data)).FullName, UpdateState.FileName), state);

    string Bundle(string content)
    {
        var path = Path.Combine(_folder.Path, content + ".bundle");
        File.WriteAllText(path, content);
        return path;
    }
}
