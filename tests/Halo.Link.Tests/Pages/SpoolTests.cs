using System.Security.Cryptography;
using System.Text;
using Halo.Link.Files;
using Halo.Link.Pages;
using Halo.Link.Tests.Work.Async;
using Halo.Testing;

namespace Halo.Link.Tests.Pages;

public sealed class SpoolTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ManualTime _time = new();
    readonly Guid _query = Guid.NewGuid();
    DiskSpace? _disk;

    public void Dispose() => _folder.Dispose();

    Spool Open(long maxBytes = 1 << 30) =>
        new(_folder.Path, LocalKey.Open(_folder.Path), new SpoolOptions { MaxBytes = maxBytes }, _time, () => _disk);

    /// <summary>Pages of random text, so that they are about as large as said.</summary>
    static async Task FillAsync(Spool spool, Guid queryId, int pages, int bytes = 1000)
    {
        var rows = Enumerable.Range(0, pages).Select(_ => $"{{\"v\":\"{Convert.ToHexString(RandomNumberGenerator.GetBytes(bytes))}\"}}");
        await using var sink = (await TestRows.WriteAsync(spool, queryId, 1, rows)).Sink;
    }

    string File(int page, string extension = ".page", Guid? query = null) =>
        Path.Combine(_folder.Path, Spool.FolderName, (query ?? _query).ToString("N"), $"{page:D8}{extension}");

    [Fact]
    public async Task Pages_outlive_the_process()
    {
        var before = Open();
        await FillAsync(before, _query, 3);
        before.MarkSent(_query, 2);
        var bytes = TestRows.ReadBytes(before, _query, 1);
        var after = Open();
        Assert.Equal([(1, false), (2, true), (3, false)], after.Pages(_query));
        Assert.Equal(bytes, TestRows.ReadBytes(after, _query, 1));
        Assert.Equal(before.UsedBytes, after.UsedBytes);
    }

    [Fact]
    public async Task A_page_that_was_delivered_counts_so_though_the_disk_will_not_have_it_renamed()
    {
        var spool = Open();
        await FillAsync(spool, _query, 1);
        // No file goes where a folder with something in it is.
        Directory.CreateDirectory(Path.Combine(File(1, ".sent"), "x"));
        spool.MarkSent(_query, 1);
        Assert.Equal([(1, true)], spool.Pages(_query));
        Assert.NotEmpty(TestRows.ReadBytes(spool, _query, 1));
    }

    [Fact]
    public async Task Pages_and_their_folders_are_the_owners_alone()
    {
        await FillAsync(Open(), _query, 2);
        var made = Directory.GetFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories);
        Assert.Contains(File(2), made);
        TemporaryFolder.AssertOwnersAlone(made);
    }

    [Fact]
    public async Task What_belongs_to_no_claim_goes_and_half_written_pages_with_it()
    {
        var stale = Guid.NewGuid();
        var spool = Open();
        await FillAsync(spool, _query, 1);
        await FillAsync(spool, stale, 2);
        System.IO.File.WriteAllText(File(9, ".tmp"), "half");
        Directory.CreateDirectory(Path.Combine(_folder.Path, Spool.FolderName, "something else"));
        var again = Open();
        Assert.Equal(2, again.RemoveAllBut(new HashSet<Guid> { _query }));
        Assert.Equal([(1, false)], again.Pages(_query));
        Assert.Empty(again.Pages(stale));
        Assert.Equal(new FileInfo(File(1)).Length, again.UsedBytes);
        Assert.Equal([File(1)], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Where(f => f.Contains("spool/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nothing_of_a_result_stands_in_plain_text()
    {
        var spool = Open();
        await using var sink = (await TestRows.WriteAsync(spool, _query, 1, ["{\"v\":\"Quetzalcoatl\"}"])).Sink;
        Assert.DoesNotContain("Quetzalcoatl", Encoding.Latin1.GetString(System.IO.File.ReadAllBytes(File(1))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_damaged_byte_is_noticed()
    {
        var spool = Open();
        await FillAsync(spool, _query, 1, bytes: 60);
        var whole = System.IO.File.ReadAllBytes(File(1));
        for (var i = 0; i < whole.Length; i++)
        {
            var damaged = whole.ToArray();
            damaged[i] ^= 1;
            System.IO.File.WriteAllBytes(File(1), damaged);
            Assert.Throws<PageDamagedException>(() => TestRows.ReadBytes(spool, _query, 1));
        }
        foreach (var length in new[] { 0, 10, 16, 50, whole.Length - 1 })
        {
            System.IO.File.WriteAllBytes(File(1), whole[..length]);
            Assert.Throws<PageDamagedException>(() => TestRows.ReadBytes(spool, _query, 1));
        }
        System.IO.File.WriteAllBytes(File(1), [.. whole, 0]);
        Assert.Throws<PageDamagedException>(() => TestRows.ReadBytes(spool, _query, 1));
        System.IO.File.WriteAllBytes(File(1), whole);
        TestRows.ReadBytes(spool, _query, 1);
    }

    [Fact]
    public async Task A_page_in_the_place_of_another_is_noticed()
    {
        var other = Guid.NewGuid();
        var spool = Open();
        await FillAsync(spool, _query, 2);
        await FillAsync(spool, other, 1);
        System.IO.File.Copy(File(2), File(1), overwrite: true);
        Assert.Throws<PageDamagedException>(() => TestRows.ReadBytes(spool, _query, 1));
        System.IO.File.Copy(File(1, query: other), File(1), overwrite: true);
        Assert.Throws<PageDamagedException>(() => TestRows.ReadBytes(spool, _query, 1));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(0, false)]
    [InlineData(-1, true)]
    public async Task A_row_may_be_written_below_the_bound_and_not_at_it(int over, bool room)
    {
        var measured = Open();
        await FillAsync(measured, _query, 2);
        // Half of the whole is this query's bound.
        var spool = Open(maxBytes: (measured.UsedBytes - over) * 2);
        Assert.Equal(room, spool.ShareOf(_query).HasRoom);
    }

    [Fact]
    public async Task A_bound_that_is_moved_holds_at_once_and_wakes_who_waits_for_room()
    {
        var spool = Open();
        await FillAsync(spool, _query, 2);
        Assert.True(spool.ShareOf(_query).HasRoom);
        spool.Resize(spool.UsedBytes);
        var share = spool.ShareOf(Guid.NewGuid());
        Assert.False(share.HasRoom);
        // What is there stays, though it is over the bound.
        Assert.Equal(2, spool.Pages(_query).Count);
        var waiting = spool.WaitForRoomAsync(share, default).AsTask();
        Assert.False(waiting.IsCompleted);
        spool.Resize(spool.UsedBytes * 4);
        Assert.True(await waiting);
    }

    [Fact]
    public async Task All_queries_together_keep_to_the_whole_bound()
    {
        var measured = Open();
        Guid[] queries = [_query, Guid.NewGuid(), Guid.NewGuid()];
        foreach (var query in queries)
            await FillAsync(measured, query, 1);
        var spool = Open(measured.UsedBytes);
        var fourth = spool.ShareOf(Guid.NewGuid());
        Assert.False(fourth.HasRoom);
        var waiting = spool.WaitForRoomAsync(fourth, default).AsTask();
        Assert.False(waiting.IsCompleted);
        spool.Remove(queries[1]);
        Assert.True(await waiting);
    }

    [Fact]
    public async Task Delivered_pages_make_room_and_undelivered_ones_never_do()
    {
        var measured = Open();
        await FillAsync(measured, _query, 4);
        measured.MarkSent(_query, 2);
        measured.MarkSent(_query, 3);
        var spool = Open(maxBytes: (measured.UsedBytes - 10) * 2);
        Assert.True(await spool.WaitForRoomAsync(spool.ShareOf(_query), default));
        Assert.Equal([(1, false), (3, true), (4, false)], spool.Pages(_query));
        Assert.Throws<FileNotFoundException>(() => TestRows.ReadBytes(spool, _query, 2));
    }

    [Fact]
    public async Task A_waiting_reader_goes_on_when_a_page_is_delivered()
    {
        var measured = Open();
        await FillAsync(measured, _query, 2);
        var spool = Open(maxBytes: (measured.UsedBytes - 10) * 2);
        var waiting = spool.WaitForRoomAsync(spool.ShareOf(_query), default).AsTask();
        Assert.False(waiting.IsCompleted);
        spool.MarkSent(_query, 1);
        Assert.True(await waiting);
    }

    [Fact]
    public async Task A_tenth_of_the_disk_stays_free()
    {
        _disk = new DiskSpace(Total: 100_000, Free: 10_000);
        var spool = Open();
        Assert.Equal(0, spool.Limit);
        _disk = new DiskSpace(Total: 100_000, Free: 30_000);
        Assert.Equal(20_000, Open().Limit);
        await FillAsync(Open(), _query, 1);
        var used = Open().UsedBytes;
        Assert.Equal(20_000 + used, Open().Limit);
    }

    [Fact]
    public void Without_a_measure_the_setting_alone_counts() => Assert.Equal(5000, Open(5000).Limit);

    [Fact]
    public async Task The_folders_are_the_owners_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has access lists instead of modes; run on Linux.");
            return;
        }
        await FillAsync(Open(), _query, 1);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            System.IO.File.GetUnixFileMode(Path.GetDirectoryName(File(1))!));
    }
}
