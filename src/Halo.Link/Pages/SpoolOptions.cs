namespace Halo.Link.Pages;

/// <summary>Bounds of the disk buffer between database and uplink.</summary>
sealed record SpoolOptions
{
    /// <summary>Bytes of pages on the disk; one query has at most half. Default 4 GiB.</summary>
    public long MaxBytes { get; init; } = 4L << 30;

    /// <summary>Part of the disk that is left free whatever <see cref="MaxBytes"/> says. Default a tenth.</summary>
    public double FreePart { get; init; } = 0.1;

    /// <summary>How long a reader waits for room before its statement is cancelled, so that a slow uplink never holds locks in the PMS. Default 10 s.</summary>
    public TimeSpan WaitForRoom { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Sizes of the disk that the spool is on, in bytes.</summary>
/// <param name="Total">Of the whole disk.</param>
/// <param name="Free">To be had by this account.</param>
readonly record struct DiskSpace(long Total, long Free);
