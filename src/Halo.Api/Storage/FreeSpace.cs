using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Storage;

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

/// <summary>How much of the disk stays free: the settings under <c>Halo:Disk</c>. New async queries are refused where either is not.</summary>
sealed record DiskOptions
{
    /// <summary>Bytes (0 to 2147483647, default 512 MiB).</summary>
    public int MinFreeBytes { get; init; } = 512 * 1024 * 1024;

    /// <summary>Percent of the disk (0 to 50, default 2).</summary>
    public int MinFreePercent { get; init; } = 2;

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static DiskOptions Read(IConfigurationSection section, List<string> faults) => new()
    {
        MinFreeBytes = ApiOptions.ReadInt(section, nameof(MinFreeBytes), 512 * 1024 * 1024, 0, int.MaxValue, faults),
        MinFreePercent = ApiOptions.ReadInt(section, nameof(MinFreePercent), 2, 0, 50, faults),
    };
}
