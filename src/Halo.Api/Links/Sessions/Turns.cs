namespace Halo.Api.Links.Sessions;

/// <summary>One after another for each key, in the order of asking; a key that nobody uses takes no memory.</summary>
sealed class Turns
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

    /// <summary>Waits for the turn; disposing ends it.</summary>
    public async Task<IDisposable> TakeAsync(Guid key)
    {
        Queue? queue;
        lock (_queues)
        {
            if (!_queues.TryGetValue(key, out queue))
                _queues[key] = queue = new(this, key);
            queue.Users++;
        }
        await queue.Gate.WaitAsync();
        return new Turn(queue);
    }

    void Leave(Queue queue)
    {
        lock (_queues)
        {
            queue.Gate.Release();
            if (--queue.Users > 0)
                return;
            _queues.Remove(queue.Key);
            queue.Gate.Dispose();
        }
    }

    sealed class Queue(Turns turns, Guid key)
    {
        public Guid Key { get; } = key;
        public SemaphoreSlim Gate { get; } = new(1, 1);

        /// <summary>Who has the turn and who waits for it; under the lock.</summary>
        public int Users { get; set; }

        public void Leave() => turns.Leave(this);
    }

    sealed class Turn(Queue queue) : IDisposable
    {
        Queue? _queue = queue;

        public void Dispose() => Interlocked.Exchange(ref _queue, null)?.Leave();
    }
}
