namespace Halo.Api.Basics;

/// <summary>A lock for each key, taken in the order of asking; a key that nobody uses takes no memory.</summary>
sealed class KeyedLock
{
    readonly Dictionary<Guid, Queue> _queues = [];

    /// <summary>How many keys are in use.</summary>
    public int Count
    {
        get
        {
            lock (_queues)
                return _queues.Count;
        }
    }

    /// <summary>Waits for the lock of a key; disposing releases it.</summary>
    /// <exception cref="OperationCanceledException">The wait was stopped.</exception>
    public async Task<IDisposable> LockAsync(Guid key, CancellationToken stop = default)
    {
        Queue? queue;
        lock (_queues)
        {
            if (!_queues.TryGetValue(key, out queue))
                _queues[key] = queue = new(this, key);
            queue.Users++;
        }
        try
        {
            await queue.Gate.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            Leave(queue, hasHeld: false);
            throw;
        }
        return new Held(queue);
    }

    void Leave(Queue queue, bool hasHeld)
    {
        lock (_queues)
        {
            if (hasHeld)
                queue.Gate.Release();
            if (--queue.Users > 0)
                return;
            _queues.Remove(queue.Key);
            queue.Gate.Dispose();
        }
    }

    sealed class Queue(KeyedLock owner, Guid key)
    {
        public Guid Key { get; } = key;
        public SemaphoreSlim Gate { get; } = new(1, 1);

        /// <summary>Who holds it and who waits for it; under the owner's lock.</summary>
        public int Users { get; set; }

        public void Leave() => owner.Leave(this, hasHeld: true);
    }

    sealed class Held(Queue queue) : IDisposable
    {
        Queue? _queue = queue;

        public void Dispose() => Interlocked.Exchange(ref _queue, null)?.Leave();
    }
}
