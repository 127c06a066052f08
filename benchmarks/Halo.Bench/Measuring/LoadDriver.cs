using Halo.Bench.Load;
using Halo.Bench.Stands;

namespace Halo.Bench.Measuring;

/// <summary>The closed-loop driver in its own process. A call that failed makes the figure worthless, so it ends the measurement.</summary>
sealed class LoadDriver : IAsyncDisposable
{
    readonly OrderedChild<LoadOrder, LoadResult> _process = new("Halo.Bench.Load");

    public async Task<LoadResult> RunAsync(LoadOrder order)
    {
        var result = await _process.AskAsync(order);
        return result.Errors == 0 && result.Calls > 0 ? result
            : throw new InvalidOperationException($"{result.Errors} of {result.Calls + result.Errors} calls failed: {result.FirstError}");
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
