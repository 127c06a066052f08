using Halo.Api.Results.Pages;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Tests.Storage;

/// <summary>A store from which the pages of one query cannot be removed, as from a disk that has become read-only.</summary>
sealed class StuckPages(IPageStore inner, Guid stuck) : IPageStore
{
    public bool IsStuck { get; set; } = true;

    public Task<StoredPage> WriteAsync(DataKey key, int pageNumber, Stream content, string expectedDigest, CancellationToken stop, PageCheck? check = null) =>
        inner.WriteAsync(key, pageNumber, content, expectedDigest, stop, check);

    public Task<Stream?> OpenReadAsync(DataKey key, int pageNumber, string digest, CancellationToken stop) => inner.OpenReadAsync(key, pageNumber, digest, stop);

    public Task DeletePageAsync(Guid queryId, int pageNumber, string digest, CancellationToken stop) => inner.DeletePageAsync(queryId, pageNumber, digest, stop);

    public Task DeleteAsync(Guid queryId, CancellationToken stop) =>
        IsStuck && queryId == stuck ? Task.FromException(new IOException("Read-only file system")) : inner.DeleteAsync(queryId, stop);

    public IDisposable Hold(Guid queryId) => inner.Hold(queryId);

    public Task<int> KeepOnlyAsync(Guid queryId, IReadOnlyCollection<PageName> pages, CancellationToken stop) => inner.KeepOnlyAsync(queryId, pages, stop);

    public Task RemoveDraftsAsync(CancellationToken stop) => inner.RemoveDraftsAsync(stop);

    public IEnumerable<IReadOnlyList<Guid>> Queries(int step) => inner.Queries(step);
}
