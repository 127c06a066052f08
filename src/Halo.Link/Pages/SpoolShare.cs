using System.Globalization;
using Halo.Line;

namespace Halo.Link.Pages;

/// <summary>One query's part of the spool: a folder of its own, and how much stands in it.</summary>
sealed class SpoolShare(Spool spool, Guid queryId, string folder)
{
    readonly Lock _lock = new();
    readonly SortedDictionary<int, (long Bytes, bool Sent, string Path)> _pages = [];
    long _bytes;
    bool _closed;

    public Guid QueryId => queryId;

    /// <summary>Bytes on the disk.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether another row may be written; looked at after every row.</summary>
    public bool HasRoom => Bytes < spool.Limit / 2 && spool.UsedBytes < spool.Limit;

    public string Folder => folder;

    public string PathOf(int page, string extension) =>
        Path.Combine(folder, page.ToString("D8", CultureInfo.InvariantCulture) + extension);

    public void Grow(long bytes)
    {
        lock (_lock)
        {
            if (_closed)
                return;
            Volatile.Write(ref _bytes, _bytes + bytes);
            spool.Grow(bytes);
        }
    }

    /// <summary>The folder is removed: what a writer still does here counts no more.</summary>
    public void Close()
    {
        lock (_lock)
        {
            Grow(-_bytes);
            _pages.Clear();
            _closed = true;
        }
    }

    /// <summary>A page is whole; its bytes were counted while it was written.</summary>
    public void Finished(int page, long bytes)
    {
        lock (_lock)
            _pages[page] = (bytes, false, PathOf(page, Spool.Waiting));
    }

    /// <summary>A page of an earlier run was found.</summary>
    public void Found(int page, long bytes, bool sent)
    {
        lock (_lock)
            _pages[page] = (bytes, sent, PathOf(page, sent ? Spool.Delivered : Spool.Waiting));
        Grow(bytes);
    }

    /// <summary>The API has it, durably. It stays for as long as there is room, in case the API asks again.</summary>
    public void Sent(int page)
    {
        lock (_lock)
        {
            if (!_pages.TryGetValue(page, out var known) || known.Sent)
                return;
            var name = PathOf(page, Spool.Delivered);
            try
            {
                File.Move(known.Path, name, overwrite: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The name is for the next run alone: it would send the page once more, and the API would have it already.
                name = known.Path;
            }
            _pages[page] = (known.Bytes, true, name);
        }
    }

    /// <summary>Pages that are here, with whether the API has them.</summary>
    public IReadOnlyList<(int Page, bool Sent)> Pages
    {
        get
        {
            lock (_lock)
                return [.. _pages.Select(p => (p.Key, p.Value.Sent))];
        }
    }

    /// <summary>Where a page's file is; null when it is not here.</summary>
    public string? Find(int page)
    {
        lock (_lock)
            return _pages.TryGetValue(page, out var known) ? known.Path : null;
    }

    /// <summary>Gives up the oldest page that the API has; false when there is none, or the disk does not let it go.</summary>
    public bool EvictOne()
    {
        lock (_lock)
        {
            foreach (var (page, known) in _pages)
            {
                if (!known.Sent)
                    continue;
                try
                {
                    File.Delete(known.Path);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    return false;
                }
                _pages.Remove(page);
                Grow(-known.Bytes);
                return true;
            }
            return false;
        }
    }

    /// <summary>Brings what is not delivered through to the disk, so that the journal may rely on it.</summary>
    public void Sync()
    {
        var any = false;
        foreach (var (page, sent) in Pages)
        {
            if (sent || Find(page) is not { } path)
                continue;
            try
            {
                using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
                RandomAccess.FlushToDisk(file);
                any = true;
            }
            catch (FileNotFoundException)
            {
                // Delivered, and renamed, in the meantime: the API has it.
            }
        }
        if (!any)
            return;
        // Their names, too, and the folder's own.
        DurableFile.SyncDirectory(folder);
        DurableFile.SyncDirectory(Path.GetDirectoryName(folder)!);
    }
}
