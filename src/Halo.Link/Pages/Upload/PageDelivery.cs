using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Halo.Link.Pages.Upload;

/// <summary>Delivers the pages of one query as they come: while the database still answers, and after.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The source has no timer and no handle; disposing it would race with its callers.")]
sealed class PageDelivery
{
    readonly Channel<int> _pages = Channel.CreateUnbounded<int>();
    readonly CancellationTokenSource _stop = new();
    readonly Action _failed;

    /// <param name="failed">Called on a thread of the pool, perhaps more than once, when a page can never be delivered.</param>
    public PageDelivery(Uploader uploader, Guid queryId, Func<Guid> claimId, Action failed)
    {
        _failed = failed;
        var workers = Enumerable.Range(0, uploader.AtOnce).Select(_ => WorkAsync(uploader, queryId, claimId)).ToArray();
        Completion = FinishAsync(workers);
    }

    /// <summary>How it ended for all pages together. Never faults.</summary>
    public Task<UploadEnd> Completion { get; }

    /// <summary>A page is in the spool.</summary>
    public void Add(int page) => _pages.Writer.TryWrite(page);

    /// <summary>There are no more.</summary>
    public void Complete() => _pages.Writer.TryComplete();

    /// <summary>Stops; what is on its way is cut off. Ends as <see cref="UploadEnd.Stopped"/> unless it had ended.</summary>
    public Task<UploadEnd> StopAsync()
    {
        _ = _stop.CancelAsync();
        Complete();
        return Completion;
    }

    async Task<UploadEnd> WorkAsync(Uploader uploader, Guid queryId, Func<Guid> claimId)
    {
        // Never on the database reader's thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await foreach (var page in _pages.Reader.ReadAllAsync(_stop.Token))
            {
                var end = await uploader.UploadAsync(queryId, claimId, page, _stop.Token);
                if (end == UploadEnd.Delivered)
                    continue;
                _failed();
                _ = StopAsync();
                return end;
            }
            return UploadEnd.Delivered;
        }
        catch (OperationCanceledException)
        {
            return UploadEnd.Stopped;
        }
    }

    static async Task<UploadEnd> FinishAsync(Task<UploadEnd>[] workers)
    {
        // The enumeration goes from good to bad: the worst tells.
        var ends = await Task.WhenAll(workers);
        return ends.Max();
    }
}
