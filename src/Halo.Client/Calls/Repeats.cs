namespace Halo.Client.Calls;

/// <summary>When a request may be sent again.</summary>
enum Repeats
{
    /// <summary>Only where nothing of it can have been carried out.</summary>
    WhenNothingRan,

    /// <summary>Whatever happened on the way: the service knows a repeat by its idempotency key.</summary>
    Keyed,

    /// <summary>Also where it was executed and its answer lost: its caller says that twice does no harm.</summary>
    Freely,

    /// <summary>Whatever happened on the way: it executes nothing.</summary>
    ExecutesNothing,
}
