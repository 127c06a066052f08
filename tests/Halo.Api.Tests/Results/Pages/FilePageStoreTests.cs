using System.Security.Cryptography;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Results.Pages;

public sealed class FilePageStoreTests : IDisposable
{
    readonly string _path = Directory.CreateTempSubdirectory("halo-pages-").FullName;
    readonly DataKey _key = new MasterKeys(new(new byte[32]), []).NewDataKey(Guid.CreateVersion7());

    public void Dispose() => Directory.Delete(_path, recursive: true);

    FilePageStore Open(bool isAlone = false) => new(DataDirectory.Prepare(_path), TimeProvider.System, NullLogger<FilePageStore>.Instance, isAlone);

    static byte[] Content(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    static string DigestOf(byte[] content) => Convert.ToBase64String(SHA256.HashData(content));

    void Draft(string name, TimeSpan age)
    {
        var path = Path.Combine(_path, "pages", "drafts", name);
        File.WriteAllText(path, "half");
        File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime - age);
    }

    string[] Files() => Directory.GetFiles(Path.Combine(_path, "pages"), "*", SearchOption.AllDirectories);

    async Task<byte[]?> ReadAsync(FilePageStore store, int page, string digest)
    {
        await using var stream = await store.OpenReadAsync(_key, page, digest, CancellationToken.None);
        if (stream is null)
            return null;
        var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(1_000_003)]
    public async Task A_page_comes_back_as_it_came_also_after_a_restart(int length)
    {
        var content = Content(length);
        var written = await Open().WriteAsync(_key, 7, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        Assert.Equal(new(true, length, DigestOf(content)), written);
        Assert.Equal(content, await ReadAsync(Open(), 7, written.Digest));
        var file = Assert.Single(Files());
        Assert.EndsWith(".page", file, StringComparison.Ordinal);
        if (length > 0 && !OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task A_range_is_read_without_the_rest()
    {
        var content = Content(500_000);
        var store = Open();
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        await using var stream = (await store.OpenReadAsync(_key, 1, DigestOf(content), CancellationToken.None))!;
        Assert.Equal(content.Length, stream.Length);
        stream.Seek(-70_000, SeekOrigin.End);
        var end = new byte[70_000];
        await stream.ReadExactlyAsync(end);
        Assert.Equal(content[^70_000..], end);
        Assert.Equal(0, await stream.ReadAsync(new byte[1]));
    }

    [Fact]
    public async Task A_page_with_another_digest_leaves_nothing_behind()
    {
        var content = Content(100_000);
        var written = await Open().WriteAsync(_key, 1, new MemoryStream(content), DigestOf([1]), CancellationToken.None);
        Assert.Equal(new(false, 100_000, DigestOf(content)), written);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task A_page_whose_sender_breaks_off_is_never_visible()
    {
        var content = Content(200_000);
        await Assert.ThrowsAsync<ConnectionResetException>(() => Open().WriteAsync(_key, 1, new BreakingStream(content, 150_000), DigestOf(content), CancellationToken.None));
        Assert.Empty(Files());
        Assert.Null(await ReadAsync(Open(), 1, DigestOf(content)));
    }

    [Fact]
    public async Task Another_page_with_the_same_number_does_not_touch_the_first()
    {
        var store = Open();
        var (first, second) = (Content(10), Content(20));
        await store.WriteAsync(_key, 1, new MemoryStream(first), DigestOf(first), CancellationToken.None);
        await store.WriteAsync(_key, 1, new MemoryStream(second), DigestOf(second), CancellationToken.None);
        Assert.Equal(first, await ReadAsync(store, 1, DigestOf(first)));
    }

    [Fact]
    public async Task A_page_sent_again_replaces_itself_while_it_is_read()
    {
        var store = Open();
        var content = Content(300_000);
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        await using var reading = (await store.OpenReadAsync(_key, 1, DigestOf(content), CancellationToken.None))!;
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        var all = new MemoryStream();
        await reading.CopyToAsync(all);
        Assert.Equal(content, all.ToArray());
    }

    [Fact]
    public async Task A_page_can_be_read_at_any_moment_while_it_is_sent_again_and_again()
    {
        var store = Open();
        var content = Content(1000);
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
                await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        });
        while (!sending.IsCompleted)
            Assert.Equal(content, await ReadAsync(store, 1, DigestOf(content)));
        await sending;
    }

    [Fact]
    public async Task What_an_earlier_run_left_half_written_is_removed_after_an_hour_and_what_this_one_or_another_process_writes_stays()
    {
        Open();
        Draft("x.tmp", TimeSpan.FromMinutes(61));
        // Another node's on a file system that shows no locks: nobody here sees that it is open.
        Draft("y.tmp", TimeSpan.FromMinutes(59));
        var store = Open();
        var content = Content(200_000);
        var slow = new System.IO.Pipelines.Pipe(new System.IO.Pipelines.PipeOptions(pauseWriterThreshold: 0));
        await slow.Writer.WriteAsync(content.AsMemory(0, 100_000));
        var writing = store.WriteAsync(_key, 1, slow.Reader.AsStream(), DigestOf(content), CancellationToken.None);
        await store.RemoveDraftsAsync(CancellationToken.None);
        Assert.DoesNotContain(Files(), f => f.EndsWith("x.tmp", StringComparison.Ordinal));
        Assert.Contains(Files(), f => f.EndsWith("y.tmp", StringComparison.Ordinal));
        // As another process would on a shared directory, by a clock that is far ahead.
        Array.ForEach(Directory.GetFiles(Path.Combine(_path, "pages", "drafts")), f => File.SetLastWriteTimeUtc(f, DateTime.UnixEpoch));
        await Open().RemoveDraftsAsync(CancellationToken.None);
        Assert.Single(Files(), f => f.EndsWith(".tmp", StringComparison.Ordinal));
        await slow.Writer.WriteAsync(content.AsMemory(100_000));
        await slow.Writer.CompleteAsync();
        Assert.True((await writing).IsStored);
    }

    [Fact]
    public async Task A_process_that_has_the_directory_for_itself_removes_what_an_earlier_run_left_at_once()
    {
        Open();
        Draft("earlier.tmp", TimeSpan.FromSeconds(2));
        var store = Open(isAlone: true);
        Draft("own.tmp", TimeSpan.FromSeconds(-2));
        await store.RemoveDraftsAsync(CancellationToken.None);
        Assert.Equal("own.tmp", Path.GetFileName(Assert.Single(Files())));
    }

    [Fact]
    public async Task A_damaged_file_is_refused()
    {
        var store = Open();
        var content = Content(200_000);
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        var file = Files().Single();
        var bytes = await File.ReadAllBytesAsync(file);
        await File.WriteAllBytesAsync(file, bytes[..^1]);
        await Assert.ThrowsAsync<SealBrokenException>(() => ReadAsync(store, 1, DigestOf(content)));
        bytes[100] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await Assert.ThrowsAsync<SealBrokenException>(() => ReadAsync(store, 1, DigestOf(content)));
    }

    [Fact]
    public async Task Deleting_removes_all_pages_of_one_query()
    {
        var store = Open();
        var other = new MasterKeys(new(new byte[32]), []).NewDataKey(Guid.CreateVersion7());
        var content = Content(10);
        await store.WriteAsync(_key, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        await store.WriteAsync(_key, 2, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        await store.WriteAsync(other, 1, new MemoryStream(content), DigestOf(content), CancellationToken.None);
        await store.DeleteAsync(_key.QueryId, CancellationToken.None);
        await store.DeleteAsync(_key.QueryId, CancellationToken.None);
        Assert.Single(Files());
        Assert.Null(await ReadAsync(store, 1, DigestOf(content)));
    }

    /// <summary>A sender whose line breaks after some bytes.</summary>
    sealed class BreakingStream(byte[] content, int after) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position >= after ? throw new IOException("The line broke.") : base.ReadAsync(buffer[..(int)Math.Min(buffer.Length, after - Position)], cancellationToken);
    }
}
