namespace Halo.Api.Storage;

/// <summary>Counts what is under way, so that a stop can wait for its end.</summary>
sealed class InUse
{
    readonly Lock _lock = new();
    TaskCompletionSource? _empty;
    int _count;

    /// <summary>One more is under way, until what this returns is disposed.</summary>
    public IDisposable Enter()
    {
        lock (_lock)
            _count++;
        return new Entry(this);
    }

    /// <summary>How many are under way.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Completes when none is under way.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_lock)
            return _count == 0 ? Task.CompletedTask : (_empty ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    void Leave()
    {
        lock (_lock)
        {
            if (--_count > 0)
                return;
            _empty?.SetResult();
            _empty = null;
        }
    }

    sealed class Entry(InUse owner) : IDisposable
    {
        InUse? _owner = owner;

        public void Dispose() => Interlocked.Exchange(ref _owner, null)?.Leave();
    }
}
