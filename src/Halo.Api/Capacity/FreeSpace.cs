using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Capacity;

/// <summary>Whether the disk has room for new async work, and refuses that before it is too late. What was accepted goes on, and immediate work too.</summary>
/// <remarks>The disk is asked when somebody wants to know, at most once a second; so it recovers by itself, and idle it costs nothing.</remarks>
/// <param name="options">How much has to be free.</param>
/// <param name="disk">Free and whole bytes of the disk with the data directory.</param>
sealed class FreeSpace(DiskOptions options, Func<(long Free, long Whole)> disk, TimeProvider time)
{
    static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(1);
    readonly Lock _lock = new();
    long? _asked;
    bool _isLow;

    /// <summary>Over the disk of a directory.</summary>
    public static FreeSpace Of(DataDirectory directory, DiskOptions options, TimeProvider time) => new(options, () =>
    {
        var drive = new DriveInfo(directory.Path);
        return (drive.AvailableFreeSpace, drive.TotalSize);
    }, time);

    /// <summary>Bytes that are free now; null: the disk does not say.</summary>
    public long? Free
    {
        get
        {
            try
            {
                return disk().Free;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                return null;
            }
        }
    }

    /// <summary>Less is free than has to be.</summary>
    public bool IsLow
    {
        get
        {
            lock (_lock)
            {
                if (_asked is { } asked && time.GetElapsedTime(asked) < AskAgainAfter)
                    return _isLow;
                _asked = time.GetTimestamp();
                return _isLow = Ask();
            }
        }
    }

    /// <exception cref="RefusedException">The disk is nearly full.</exception>
    public void Demand()
    {
        if (IsLow)
        {
            throw new RefusedException(new Refusal(503, ErrorCodes.StorageFull,
                "The service's disk is nearly full, so it takes no new async queries for now. Nothing ran; try again later. Immediate queries go on.")
            {
                RetryAfter = TimeSpan.FromMinutes(1),
            });
        }
    }

    /// <summary>Room for a page on its way in. Pages of accepted queries may use half of what is kept free, so that the store beside them can still be written.</summary>
    /// <param name="bytes">Its size, as far as the sender says.</param>
    /// <exception cref="RefusedException">There is none: its Link keeps it and sends it again.</exception>
    public void DemandForPage(long bytes)
    {
        bool isFull;
        try
        {
            var (free, whole) = disk();
            isFull = free - bytes < Math.Max(options.MinFreeBytes, whole / 100.0 * options.MinFreePercent) / 2;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return;
        }
        if (isFull)
        {
            throw new RefusedException(new Refusal(503, ErrorCodes.StorageFull, "The service's disk is nearly full, so it takes no pages for now. Keep the page and send it again later.")
            {
                RetryAfter = TimeSpan.FromSeconds(30),
            });
        }
    }

    bool Ask()
    {
        try
        {
            var (free, whole) = disk();
            return free < options.MinFreeBytes || free < whole / 100.0 * options.MinFreePercent;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A disk that cannot be asked is no reason to refuse work: writing to it will tell.
            return false;
        }
    }
}
