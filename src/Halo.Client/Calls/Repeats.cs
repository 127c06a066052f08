namespace Halo.Client.Calls;

/// <summary>When a request may be sent again.</summary>
enum Repeats
{
    /// <summary>Only where nothing of it can have been carried out.</summary>
    WhenNothingRan,

    /// <summary>Whatever happened: it reads, or it has an idempotency key.</summary>
    Always,
}
