using System.Buffers;
using System.Security.Cryptography;
using Halo.Api.Basics;
using Halo.Api.Capacity;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Line;

namespace Halo.Api.Results.Pages;

/// <summary>Pages as files: <c>pages/3f/{query id}/000001-{digest}.page</c>. A page has its name only when it is whole and on the disk.</summary>
sealed partial class FilePageStore : IPageStore
{
    const int BufferBytes = 64 * 1024;

    /// <summary>
    /// Where other nodes write here too, a draft that nobody has written to for so long is nobody's: an upload that says nothing ends much sooner. It may be
    /// another node's, whose lock is not seen on every file system, and whose clock may differ.
    /// </summary>
    static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    readonly string _root;
    readonly string _drafts;
    readonly TimeProvider _time;
    readonly ILogger<FilePageStore> _log;
    readonly PageReadLeases _held;

    /// <summary>Older drafts are nobody's, where this process has the directory for itself; null: others may write here too.</summary>
    readonly DateTimeOffset? _startedAlone;

    /// <summary>Makes the directory.</summary>
    /// <param name="isAlone">Whether no other process writes to the directory, as with the embedded store.</param>
    /// <exception cref="StartupException">The directory cannot be written.</exception>
    public FilePageStore(DataDirectory directory, TimeProvider time, ILogger<FilePageStore> log, bool isAlone = false)
    {
        _startedAlone = isAlone ? time.GetUtcNow() : null;
        _time = time;
        _log = log;
        _held = new(RemoveReleased);
        _root = directory.File("pages");
        _drafts = Path.Combine(_root, "drafts");
        try
        {
            DurableFile.CreateDirectory(_drafts);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"The directory '{_root}' for results cannot be written ({e.Message}). "
                + $"Give the account '{Environment.UserName}' write access to it.", e);
        }
    }

    /// <inheritdoc/>
    public async Task<StoredPage> WriteAsync(DataKey key, int pageNumber, Stream content, string expectedDigest, CancellationToken stop, PageCheck? check = null)
    {
        var draft = Path.Combine(_drafts, $"{Guid.CreateVersion7(_time.GetUtcNow())}.tmp");
        try
        {
            return await WriteDraftAsync(draft, key, pageNumber, content, expectedDigest, check, stop);
        }
        finally
        {
            File.Delete(draft);
        }
    }

    /// <summary>Writes the draft and, where it is right, gives it its name.</summary>
    /// <remarks>
    /// Until then the file is open, so that whoever tidies up, who wants it alone, leaves it (<see cref="RemoveDraftsAsync"/>). It is open for
    /// a moment longer, and a page that is sent again may be read at any moment; so readers are let in here, and let its writer be.
    /// It is opened for reading as well: on NFS and SMB a lock is taken for such a file alone.
    /// </remarks>
    async Task<StoredPage> WriteDraftAsync(
        string draft, DataKey key, int pageNumber, Stream content, string expectedDigest, PageCheck? check, CancellationToken stop)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read | FileShare.Delete, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using var file = new FileStream(draft, options);
            await using var seal = new SealingStream(key, BlobPlace.Page(pageNumber), file);
            var length = 0L;
            while (await ReadAsync(content, buffer, stop) is var read and > 0)
            {
                hash.AppendData(buffer, 0, read);
                if (check is not null)
                    await check.AddAsync(buffer.AsMemory(0, read), stop);
                await seal.WriteAsync(buffer.AsMemory(0, read), stop);
                length += read;
            }
            var digest = Convert.ToBase64String(hash.GetHashAndReset());
            if (digest != expectedDigest)
                return new(false, length, digest);
            if (check?.Complete() is { } fault)
                return new(false, length, digest) { Fault = fault };
            await seal.CompleteAsync(stop);
            file.Flush(flushToDisk: true);
            var path = PathOf(key.QueryId, pageNumber, digest);
            DurableFile.CreateDirectory(Path.GetDirectoryName(path)!);
            DurableFile.Publish(draft, path);
            return new(true, length, digest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>What fails here is the sender's, and not this store's.</summary>
    static async ValueTask<int> ReadAsync(Stream content, Memory<byte> buffer, CancellationToken stop)
    {
        try
        {
            return await content.ReadAsync(buffer, stop);
        }
        catch (IOException e) when (RequestBodies.LineBroke(e) is { } broke)
        {
            throw broke;
        }
    }

    /// <inheritdoc/>
    public async Task<Stream?> OpenReadAsync(DataKey key, int pageNumber, string digest, CancellationToken stop)
    {
        FileStream file;
        try
        {
            file = new(PathOf(key.QueryId, pageNumber, digest), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0, useAsync: true);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        return await OpeningStream.OpenAsync(file, key, BlobPlace.Page(pageNumber), stop);
    }

    /// <inheritdoc/>
    public Task DeletePageAsync(Guid queryId, int pageNumber, string digest, CancellationToken stop) => Task.Run(() =>
    {
        var path = PathOf(queryId, pageNumber, digest);
        if (File.Exists(path))
            File.Delete(path);
    }, stop);

    /// <inheritdoc/>
    public Task DeleteAsync(Guid queryId, CancellationToken stop) =>
        _held.MayRemove(queryId) ? Task.Run(() => Remove(queryId), stop) : Task.CompletedTask;

    /// <inheritdoc/>
    public IDisposable Hold(Guid queryId) => _held.Hold(queryId);

    /// <inheritdoc/>
    public Task<int> KeepOnlyAsync(Guid queryId, IReadOnlyCollection<PageName> pages, CancellationToken stop) => Task.Run(() =>
    {
        if (!Directory.Exists(DirectoryOf(queryId)))
            return 0;
        var kept = pages.Select(p => PathOf(queryId, p.PageNumber, p.Digest)).ToHashSet();
        var strays = Directory.GetFiles(DirectoryOf(queryId)).Where(file => !kept.Contains(file)).ToList();
        strays.ForEach(File.Delete);
        return strays.Count;
    }, stop);

    /// <inheritdoc/>
    public Task RemoveDraftsAsync(CancellationToken stop) => Task.Run(() =>
    {
        var removed = 0;
        var abandoned = (_startedAlone ?? _time.GetUtcNow() - AbandonedAfter).UtcDateTime;
        foreach (var draft in Directory.EnumerateFiles(_drafts, "*.tmp"))
        {
            stop.ThrowIfCancellationRequested();
            if (File.GetLastWriteTimeUtc(draft) < abandoned && TryRemoveDraft(draft))
                removed++;
        }
        if (removed > 0)
            LogDraftsRemoved(_log, removed);
    }, stop);

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Guid>> Queries(int step) => Directory.EnumerateDirectories(_root)
        .Where(group => Path.GetFileName(group).Length == 2)
        .SelectMany(Directory.EnumerateDirectories)
        .Select(query => Guid.TryParse(Path.GetFileName(query), out var id) ? id : Guid.Empty)
        .Where(id => id != Guid.Empty)
        .Chunk(step);

    /// <returns>False: it is being written, or gone.</returns>
    static bool TryRemoveDraft(string draft)
    {
        try
        {
            new FileStream(draft, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.DeleteOnClose).Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    void Remove(Guid queryId)
    {
        // Most queries that end without success never had any.
        if (!Directory.Exists(DirectoryOf(queryId)))
            return;
        try
        {
            Directory.Delete(DirectoryOf(queryId), recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Removed by another at the same moment.
        }
    }

    void RemoveReleased(Guid queryId)
    {
        try
        {
            Remove(queryId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The look for orphans at the next start finds it.
            LogNotRemoved(_log, queryId, e.GetType().Name);
        }
    }

    /// <summary>Where a page is, in a data directory.</summary>
    public static string PathOf(DataDirectory directory, Guid queryId, int pageNumber, string digest) =>
        PathOf(directory.File("pages"), queryId, pageNumber, digest);

    static string PathOf(string root, Guid queryId, int pageNumber, string digest) =>
        Path.Combine(DirectoryOf(root, queryId), $"{pageNumber:000000}-{Convert.ToHexStringLower(Convert.FromBase64String(digest))}.page");

    // Ids begin with their time, so their last digits spread evenly.
    static string DirectoryOf(string root, Guid queryId)
    {
        var id = queryId.ToString();
        return Path.Combine(root, id[^2..], id);
    }

    string DirectoryOf(Guid queryId) => DirectoryOf(_root, queryId);

    string PathOf(Guid queryId, int pageNumber, string digest) => PathOf(_root, queryId, pageNumber, digest);

    [LoggerMessage(1301, LogLevel.Information, "Removed {Count} half-written pages that nobody writes any more; their Links send them again.")]
    static partial void LogDraftsRemoved(ILogger logger, int count);

    [LoggerMessage(1302, LogLevel.Warning, "The pages of query {QueryId} could not be removed ({Exception}); the next start tries again")]
    static partial void LogNotRemoved(ILogger logger, Guid queryId, string exception);
}
