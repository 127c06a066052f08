namespace Halo.Link.Work.Async;

/// <summary>Why a claimed query is stopped. The first reason counts, except that a drop overrides all.</summary>
enum StopReason
{
    /// <summary>It is not.</summary>
    None,

    /// <summary>The integrator or an operator asked.</summary>
    Asked,

    /// <summary>A page can never be delivered.</summary>
    PagesFailed,

    /// <summary>The upload limit is over.</summary>
    UploadLimit,

    /// <summary>The Link stops.</summary>
    LinkStopping,

    /// <summary>What it brought cannot be told to the API; its end is.</summary>
    Untold,

    /// <summary>The API has settled it otherwise.</summary>
    Dropped,
}
