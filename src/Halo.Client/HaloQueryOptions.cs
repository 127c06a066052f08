namespace Halo.Client;

/// <summary>How one query is run. What is null is as the service has it.</summary>
public sealed record HaloQueryOptions
{
    /// <summary>One of the site's databases; null: its default.</summary>
    public string? Catalogue { get; init; }

    /// <summary>How long it may execute, in whole milliseconds; at most 60 s immediate and 5 minutes async unless the service's settings say otherwise.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long it may wait before the database gets it: immediate at most 60 s (30 s where null), async at most two hours (one hour where null).</summary>
    public TimeSpan? MaxTimeInQueue { get; init; }

    /// <summary>A mark of your own, up to 64 characters: shown with the query, and told to the database as the application's name.</summary>
    public string? Tag { get; init; }

    /// <summary>
    /// The idempotency key, 1 to 128 characters: within 24 hours a repeat with the same command does not execute again but has the first one's answer. Null: the
    /// client makes one for whatever may write. Give your own where a repeat may come from another process, as after a crash.
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>
    /// Says that executing it twice does no harm, so that without a key it is sent again also where its answer was lost. False: a query without a key is sent
    /// again only where nothing of it can have run. A text that reads may write all the same, by a function or a view of the practice's; only you know.
    /// </summary>
    public bool IsRepeatable { get; init; }
}
