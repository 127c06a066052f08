using System.IO.Pipelines;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>How long a caller may take for an answer: a while without taking anything, and on the whole by its size.</summary>
/// <param name="slowReaderMs">Without taking anything.</param>
/// <param name="bytes">Of the whole answer.</param>
sealed class SlowCallerLimit(int slowReaderMs, long bytes, TimeProvider time) : IDisposable
{
    readonly CancellationTokenSource _over = new(Timeout.InfiniteTimeSpan, time);
    readonly TimeSpan _whole = TimeSpan.FromMilliseconds(slowReaderMs) + TimeSpan.FromSeconds((double)bytes / ImmediateResponseWriter.SlowestBytesPerSecond);
    readonly long _begun = time.GetTimestamp();

    /// <summary>The caller had its time.</summary>
    public bool IsOver => _over.IsCancellationRequested;

    /// <summary>Sends what was written.</summary>
    /// <exception cref="OperationCanceledException">The caller had its time, or left.</exception>
    public async ValueTask FlushAsync(PipeWriter writer)
    {
        var left = _whole - time.GetElapsedTime(_begun);
        var step = TimeSpan.FromMilliseconds(slowReaderMs);
        _over.CancelAfter(left < TimeSpan.Zero ? TimeSpan.Zero : left < step ? left : step);
        await writer.FlushAsync(_over.Token);
        _over.CancelAfter(Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _over.Dispose();
}
