namespace Halo.Link.Work.Async;

/// <summary>How much async work goes on at once.</summary>
sealed record AsyncOptions
{
    /// <summary>Queries in the databases at once. Default 2.</summary>
    public int Slots { get; init; } = 2;

    /// <summary>
    /// Queries that the databases have answered and whose pages are on their way. While there are so many, nothing is claimed:
    /// a slow uplink makes the queue at the API wait, not the disk here. Default 4.
    /// </summary>
    public int MaxUploading { get; init; } = 4;
}
