namespace Halo.Link.Work.Immediate;

/// <summary>Bytes of rows that one query may still send: a slow reader at the far end slows this query down and no other.</summary>
sealed class CreditWindow(long initial)
{
    readonly Lock _lock = new();
    long _left = initial;
    long _wanted;
    TaskCompletionSource? _granted;

    /// <summary>Takes so many bytes, waiting until they were granted. One caller at a time.</summary>
    public ValueTask TakeAsync(int bytes, CancellationToken stop)
    {
        lock (_lock)
        {
            if (_left >= bytes)
            {
                _left -= bytes;
                return ValueTask.CompletedTask;
            }
            _wanted = bytes;
            _granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return new(_granted.Task.WaitAsync(stop));
        }
    }

    /// <summary>The API grants more.</summary>
    public void Add(uint bytes)
    {
        TaskCompletionSource? granted = null;
        lock (_lock)
        {
            _left += bytes;
            if (_granted is not null && _left >= _wanted)
            {
                _left -= _wanted;
                (granted, _granted) = (_granted, null);
            }
        }
        granted?.TrySetResult();
    }
}
