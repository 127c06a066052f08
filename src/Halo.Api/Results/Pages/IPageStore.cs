using Halo.Api.Storage.Keys;

namespace Halo.Api.Results.Pages;

/// <summary>Keeps the bytes of pages, encrypted: in files, or in S3-compatible storage. What exists is what the manifest says.</summary>
/// <remarks>A page is stored under its number and digest, so two different pages with one number never overwrite each other.</remarks>
interface IPageStore
{
    /// <summary>Stores a page durably, or nothing of it.</summary>
    /// <param name="content">The compressed bytes as the Link made them; read to its end.</param>
    /// <param name="expectedDigest">SHA-256 that they must have, base64; anything else is not stored.</param>
    /// <param name="check">Looks at the bytes as they come; a page with a fault is not stored. Null: taken as it is.</param>
    Task<StoredPage> WriteAsync(DataKey key, int pageNumber, Stream content, string expectedDigest, CancellationToken stop, PageCheck? check = null);

    /// <summary>Opens a stored page: a seekable stream of the compressed bytes, each checked before it is given out.</summary>
    /// <returns>Null: there is no such page.</returns>
    /// <exception cref="SealBrokenException">It was changed or cut; thrown here or while reading.</exception>
    Task<Stream?> OpenReadAsync(DataKey key, int pageNumber, string digest, CancellationToken stop);

    /// <summary>Removes one page; none is no error.</summary>
    Task DeletePageAsync(Guid queryId, int pageNumber, string digest, CancellationToken stop);

    /// <summary>Removes all pages of a query, or marks them to go when nobody holds them any more; none is no error.</summary>
    Task DeleteAsync(Guid queryId, CancellationToken stop);

    /// <summary>Keeps the pages of a query from being removed until this is disposed: who reads one after another finds them all.</summary>
    IDisposable Hold(Guid queryId);

    /// <summary>Removes what is stored of a query beside these pages.</summary>
    /// <returns>How many there were.</returns>
    Task<int> KeepOnlyAsync(Guid queryId, IReadOnlyCollection<PageName> pages, CancellationToken stop);

    /// <summary>Removes what was left half-written some time ago; what this process or another one writes stays.</summary>
    Task RemoveDraftsAsync(CancellationToken stop);

    /// <summary>Everything of which pages are stored, in groups of at most <paramref name="step"/>.</summary>
    IEnumerable<IReadOnlyList<Guid>> Queries(int step);
}

/// <summary>What was read from the sender.</summary>
/// <param name="IsStored">Whether the digest was the expected one.</param>
/// <param name="Length">Compressed bytes.</param>
/// <param name="Digest">Their SHA-256, base64.</param>
sealed record StoredPage(bool IsStored, long Length, string Digest)
{
    /// <summary>What is wrong with a page whose bytes came as they were sent; null: nothing.</summary>
    public string? Fault { get; init; }
}

/// <summary>What a stored page is found by, beside its query.</summary>
readonly record struct PageName(int PageNumber, string Digest);
