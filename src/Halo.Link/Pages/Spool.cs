using System.Collections.Concurrent;
using System.Globalization;
using Halo.Link.Files;

namespace Halo.Link.Pages;

/// <summary>The bounded disk buffer of finished pages, encrypted, so that the database's reader never waits for the network.</summary>
/// <remarks>
/// The bound is looked at after every row, so it is passed at most by the row and the piece of a page that is being compressed. Pages that the API has are kept in case it
/// asks again, and are the first to go when room is needed.
/// </remarks>
sealed class Spool
{
    /// <summary>Name of its folder in the data directory.</summary>
    public const string FolderName = "spool";

    internal const string Waiting = ".page";
    internal const string Delivered = ".sent";

    readonly string _root;
    readonly LocalKey _key;
    readonly SpoolOptions _options;
    readonly TimeProvider _time;
    readonly Func<DiskSpace?> _disk;
    readonly ConcurrentDictionary<Guid, SpoolShare> _shares = new();
    readonly Lock _dropping = new();
    TaskCompletionSource _freed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    long _used;
    long _maxBytes;
    long _limit;

    /// <summary>Opens the spool of a data directory with what an earlier run left there.</summary>
    /// <param name="disk">Measures the disk; null where it can't be measured, then the bound alone counts.</param>
    public Spool(string dataDirectory, LocalKey key, SpoolOptions options, TimeProvider time, Func<DiskSpace?>? disk = null)
    {
        _root = Path.Combine(dataDirectory, FolderName);
        _key = key;
        _options = options;
        _maxBytes = options.MaxBytes;
        _time = time;
        _disk = disk ?? (() => Measure(_root));
        OwnFiles.CreateFolder(_root);
        foreach (var folder in Directory.GetDirectories(_root))
            Load(folder);
        MeasureLimit();
    }

    /// <summary>Bytes of all pages on the disk.</summary>
    public long UsedBytes => Volatile.Read(ref _used);

    /// <summary>Bytes that may be on the disk as it was last measured.</summary>
    public long Limit => Volatile.Read(ref _limit);

    /// <summary>From now on so many bytes. What is over a smaller bound goes as it is delivered; until then readers wait for room.</summary>
    public void Resize(long maxBytes)
    {
        Volatile.Write(ref _maxBytes, maxBytes);
        MeasureLimit();
        SignalFreed();
    }

    /// <summary>Removes what belongs to none of these queries: left over from a run that died.</summary>
    /// <returns>How many queries' pages went.</returns>
    public int RemoveAllBut(IReadOnlySet<Guid> queries)
    {
        var removed = 0;
        foreach (var folder in Directory.GetDirectories(_root))
        {
            if (Guid.TryParseExact(Path.GetFileName(folder), "N", out var queryId) && queries.Contains(queryId))
                continue;
            Drop(queryId, folder);
            removed++;
        }
        return removed;
    }

    /// <summary>Removes a query's pages.</summary>
    public void Remove(Guid queryId) => Drop(queryId, FolderOf(queryId));

    /// <summary>A query's pages that are here, with whether the API has them.</summary>
    public IReadOnlyList<(int Page, bool Sent)> Pages(Guid queryId) => _shares.TryGetValue(queryId, out var share) ? share.Pages : [];

    /// <summary>The API has this page, durably.</summary>
    public void MarkSent(Guid queryId, int page)
    {
        if (!_shares.TryGetValue(queryId, out var share))
            return;
        share.Sent(page);
        SignalFreed();
    }

    /// <summary>Brings a query's pages through to the disk.</summary>
    public void Sync(Guid queryId)
    {
        if (_shares.TryGetValue(queryId, out var share))
            share.Sync();
    }

    internal SpoolShare ShareOf(Guid queryId) => _shares.GetOrAdd(queryId, id =>
    {
        var folder = FolderOf(id);
        OwnFiles.CreateFolder(folder);
        return new SpoolShare(this, id, folder);
    });

    internal PageFileWriter BeginPage(SpoolShare share, int number)
    {
        MeasureLimit();
        return new PageFileWriter(share, number, _key);
    }

    /// <exception cref="FileNotFoundException">The page is not here.</exception>
    /// <exception cref="PageDamagedException">It is not what was written.</exception>
    internal PageFileReader OpenPage(Guid queryId, int number)
    {
        var path = _shares.TryGetValue(queryId, out var share) ? share.Find(number) : null;
        try
        {
            return new PageFileReader(path ?? throw new FileNotFoundException(), queryId, number, _key);
        }
        catch (FileNotFoundException) when (share?.Find(number) is { } renamed && renamed != path)
        {
            return new PageFileReader(renamed, queryId, number, _key);
        }
    }

    /// <summary>Waits until the query may write on: gives up delivered pages, then waits for the uplink.</summary>
    /// <returns>False when there is no room after <see cref="SpoolOptions.WaitForRoom"/>.</returns>
    internal async ValueTask<bool> WaitForRoomAsync(SpoolShare share, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            var freed = Volatile.Read(ref _freed).Task;
            MeasureLimit();
            if (MakeRoom(share))
                return true;
            var left = _options.WaitForRoom - _time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return false;
            try
            {
                await freed.WaitAsync(left, _time, stop);
            }
            catch (TimeoutException)
            {
                // One last look: room may have come from outside the spool.
            }
        }
    }

    internal void Grow(long bytes)
    {
        Interlocked.Add(ref _used, bytes);
        if (bytes < 0)
            SignalFreed();
    }

    bool MakeRoom(SpoolShare share)
    {
        while (share.Bytes >= Limit / 2 && share.EvictOne())
        {
        }
        while (UsedBytes >= Limit && (share.EvictOne() || _shares.Values.Any(s => s.EvictOne())))
        {
        }
        return share.HasRoom;
    }

    void SignalFreed() =>
        Interlocked.Exchange(ref _freed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>The setting, or less where the disk is nearly full.</summary>
    void MeasureLimit()
    {
        var limit = Volatile.Read(ref _maxBytes);
        if (_disk() is { } disk)
            limit = Math.Min(limit, UsedBytes + Math.Max(0, disk.Free - (long)(disk.Total * _options.FreePart)));
        Volatile.Write(ref _limit, limit);
    }

    void Drop(Guid queryId, string folder)
    {
        lock (_dropping)
        {
            _shares.TryRemove(queryId, out var share);
            share?.Close();
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    void Load(string folder)
    {
        if (!Guid.TryParseExact(Path.GetFileName(folder), "N", out var queryId))
            return;
        var share = new SpoolShare(this, queryId, folder);
        _shares[queryId] = share;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles())
        {
            if (file.Extension is Waiting or Delivered && int.TryParse(Path.GetFileNameWithoutExtension(file.Name), CultureInfo.InvariantCulture, out var page))
                share.Found(page, file.Length, file.Extension == Delivered);
            else
                file.Delete();
        }
    }

    string FolderOf(Guid queryId) => Path.Combine(_root, queryId.ToString("N"));

    static DiskSpace? Measure(string path)
    {
        try
        {
            var drive = new DriveInfo(path);
            return new DiskSpace(drive.TotalSize, drive.AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
