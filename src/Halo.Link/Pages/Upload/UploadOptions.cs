using Halo.Link.Settings;

namespace Halo.Link.Pages.Upload;

/// <summary>How pages travel.</summary>
sealed record UploadOptions
{
    /// <summary>Pages on their way at once, of all queries. Default 3.</summary>
    public int AtOnce { get; init; } = 3;

    /// <summary>Upper end of the first wait before a page is tried again; each wait is random between 0 and its end, which doubles. Default 1 s.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bound of that doubling. Default 30 s.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a page is sent that arrives damaged. Default 5.</summary>
    public int DamagedTries { get; init; } = 5;

    /// <summary>How long a request may make no progress, a piece of 32 KiB or the answer. Default 60 s.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>As the settings have it.</summary>
    public static UploadOptions From(UploadSettings settings) =>
        new() { FirstWait = settings.FirstWait, LongestWait = settings.LongestWait, Stall = settings.Stall };
}

/// <summary>Gives the Link's access token.</summary>
/// <param name="refused">The token that the API has just refused, so a newer one is wanted; null otherwise.</param>
/// <remarks>Throws <see cref="HttpRequestException"/> where none can be had now.</remarks>
delegate ValueTask<string> AccessToken(string? refused, CancellationToken stop);

/// <summary>What became of a page, or of all pages of a query.</summary>
enum UploadEnd
{
    /// <summary>The API has it, durably.</summary>
    Delivered,

    /// <summary>Stopped by the caller.</summary>
    Stopped,

    /// <summary>The API has settled the query otherwise.</summary>
    Settled,

    /// <summary>Each time it was sent it arrived damaged.</summary>
    Damaged,

    /// <summary>The API will never take it, or has another page in its place.</summary>
    Refused,

    /// <summary>It is not in the spool any more, or damaged.</summary>
    Lost,
}
