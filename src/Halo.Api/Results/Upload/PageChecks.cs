namespace Halo.Api.Results.Upload;

/// <summary>The checks of pages that are being uploaded: so many at once as leave half of the processors to the queries.</summary>
public sealed class PageChecks : IDisposable
{
    readonly SemaphoreSlim _places = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>Begins to check a page.</summary>
    /// <param name="jsonSize">Bytes of JSON that it is said to have.</param>
    /// <param name="rows">Rows that it is said to have.</param>
    public PageCheck Begin(long jsonSize, long rows) => new(jsonSize, rows, _places);

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();
}
