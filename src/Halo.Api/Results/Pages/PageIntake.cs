using System.Collections.Concurrent;

namespace Halo.Api.Results.Pages;

/// <summary>Takes in pages that are being uploaded, and has them checked: so many at once as leave half of the processors to the queries.</summary>
sealed class PageIntake : IDisposable
{
    readonly SemaphoreSlim _places = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>Uploads of one Link at once: each may hold some MiB while it is decoded. Links send eight at the most.</summary>
    const int MostOfALink = 16;

    readonly ConcurrentDictionary<Guid, int> _uploading = new();

    /// <summary>Another upload of a Link begins; false: it has as many as it may. To be followed by <see cref="Leave"/> where true.</summary>
    public bool TryEnter(Guid linkId)
    {
        if (_uploading.AddOrUpdate(linkId, 1, static (_, n) => n + 1) <= MostOfALink)
            return true;
        Leave(linkId);
        return false;
    }

    /// <summary>It has ended.</summary>
    public void Leave(Guid linkId)
    {
        if (_uploading.AddOrUpdate(linkId, 0, static (_, n) => n - 1) == 0)
            _uploading.TryRemove(new(linkId, 0));
    }

    /// <summary>Begins to check a page.</summary>
    /// <param name="jsonSize">Bytes of JSON that it is said to have.</param>
    /// <param name="rows">Rows that it is said to have.</param>
    public PageCheck Begin(long jsonSize, long rows) => new(jsonSize, rows, _places);

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();
}
