using Halo.Api.Settings;
using Halo.LinkProtocol;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>
/// The bytes of immediate results that the service holds, all together. What is not there is not granted to a Link, so the rows
/// wait in the practice's database and not here; what was granted is never taken back.
/// </summary>
/// <remarks>
/// Nobody waits for somebody who waits: of those whose rows still come, the one that came first may always grow to a whole
/// result, since the others leave that much alone; then the next one is first. Who has all its rows holds them until its caller
/// has taken them, and a caller that is too slow is cut off (<see cref="QueryLimits.SlowReaderMs"/>).
/// </remarks>
/// <param name="limits">Their <see cref="QueryLimits.ResultMemoryBytes"/>; where that is less than one result needs, that much.</param>
sealed class ResultMemoryBudget(QueryLimits limits)
{
    /// <summary>What every query has from the beginning: what its Link may send before it is granted more.</summary>
    public const int Window = ProtocolLimits.CreditWindowBytes;

    readonly long _largest = (long)limits.ImmediateResultBytes + Window;
    readonly long _total = Math.Max(limits.ResultMemoryBytes, (long)limits.ImmediateResultBytes + 2 * Window);
    readonly Lock _lock = new();
    readonly LinkedList<Share> _growing = [];
    readonly LinkedList<Entering> _entering = [];
    long _used;

    /// <summary>Bytes that are held or promised.</summary>
    public long Used
    {
        get
        {
            lock (_lock)
                return _used;
        }
    }

    /// <summary>Queries that wait for their first bytes.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
                return _entering.Count;
        }
    }

    /// <summary>Takes the first window for a query, in the order of asking.</summary>
    /// <param name="grows">It keeps its rows; else it holds a window at most, as what is streamed does.</param>
    /// <param name="grant">Called, on any thread and outside all locks, when bytes that were wanted are there.</param>
    /// <returns>Null: there was no room until <paramref name="giveUp"/>.</returns>
    public Task<Share?> EnterAsync(bool grows, Action<int> grant, CancellationToken giveUp) => EnterAsync(Window, grows, grant, giveUp);

    /// <summary>Takes room for something that is held whole, as an answer that was kept, in the order of asking.</summary>
    /// <param name="bytes">As many as the largest result has are waited for; what is more counts all the same.</param>
    /// <returns>Null: there was no room until <paramref name="giveUp"/>.</returns>
    public async Task<Share?> EnterWholeAsync(long bytes, CancellationToken giveUp)
    {
        var share = await EnterAsync(Math.Min(bytes, _largest), grows: false, _ => { }, giveUp);
        share?.Copy(bytes - Math.Min(bytes, _largest));
        return share;
    }

    async Task<Share?> EnterAsync(long bytes, bool grows, Action<int> grant, CancellationToken giveUp)
    {
        Entering entering;
        lock (_lock)
        {
            if (_entering.Count == 0 && RoomFor(null) >= bytes)
                return Admit(bytes, grows, grant);
            if (giveUp.IsCancellationRequested)
                return null;
            entering = new(bytes, grows, grant);
            entering.Node = _entering.AddLast(entering);
        }
        using (giveUp.UnsafeRegister(_ => GiveUp(entering), null))
            return await entering.Done.Task;
    }

    void GiveUp(Entering entering)
    {
        lock (_lock)
        {
            if (entering.Node!.List is null)
                return;
            _entering.Remove(entering.Node);
        }
        entering.Done.SetResult(null);
        // The next may want less than nothing of it, but it was behind this one.
        Serve();
    }

    Share Admit(long bytes, bool grows, Action<int> grant)
    {
        var share = new Share(this, grant);
        share.Hold(bytes);
        if (grows)
            share.Node = _growing.AddLast(share);
        return share;
    }

    /// <summary>Bytes that this one may take; null: a new one.</summary>
    long RoomFor(Share? share)
    {
        var free = _total - _used;
        return _growing.First?.Value is not { } first || ReferenceEquals(first, share) ? free : free - Math.Max(0, _largest - first.Held);
    }

    /// <summary>Gives out what has become free: the oldest first, then to who waits at the door.</summary>
    void Serve()
    {
        List<(Share Share, int Bytes)> granted = [];
        List<(Entering Entering, Share Share)> admitted = [];
        lock (_lock)
        {
            for (var node = _growing.First; node is not null; node = node.Next)
            {
                var share = node.Value;
                if (share.Wanted == 0)
                    continue;
                if (RoomFor(share) < share.Wanted)
                    break;
                share.Hold(share.Wanted);
                granted.Add((share, share.Wanted));
                share.Wanted = 0;
            }
            while (_entering.First is { Value: var next } && RoomFor(null) >= next.Bytes)
            {
                _entering.RemoveFirst();
                admitted.Add((next, Admit(next.Bytes, next.Grows, next.Grant)));
            }
        }
        foreach (var (share, bytes) in granted)
            share.Grant(bytes);
        foreach (var (entering, share) in admitted)
            entering.Done.SetResult(share);
    }

    sealed class Entering(long bytes, bool grows, Action<int> grant)
    {
        public long Bytes => bytes;
        public bool Grows => grows;
        public Action<int> Grant => grant;
        public LinkedListNode<Entering>? Node { get; set; }
        public TaskCompletionSource<Share?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>What one query holds of it.</summary>
    public sealed class Share : IDisposable
    {
        readonly ResultMemoryBudget _memory;

        internal Share(ResultMemoryBudget memory, Action<int> grant) => (_memory, Grant) = (memory, grant);

        internal Action<int> Grant { get; }

        internal LinkedListNode<Share>? Node { get; set; }

        internal long Held { get; set; }

        internal int Wanted { get; set; }

        /// <summary>It would take so many more.</summary>
        /// <returns>What it has at once: all, or nothing, and then it is told when it has.</returns>
        public int Want(int bytes)
        {
            lock (_memory._lock)
            {
                if (Node is null)
                    return 0;
                if (Wanted == 0 && _memory.RoomFor(this) >= bytes)
                {
                    Hold(bytes);
                    return bytes;
                }
                Wanted += bytes;
                return 0;
            }
        }

        /// <summary>Nothing more comes: so many stay until it is disposed.</summary>
        public void Keep(long bytes)
        {
            lock (_memory._lock)
            {
                if (Node is { } node)
                    _memory._growing.Remove(node);
                (Node, Wanted) = (null, 0);
                Hold(bytes - Held);
            }
            _memory.Serve();
        }

        /// <summary>A copy of its rows in another form stays beside them until it is disposed: at most once as much again, whether there is room or not; others wait the longer.</summary>
        public void Copy(long bytes)
        {
            lock (_memory._lock)
                Hold(bytes);
        }

        /// <summary>Gives everything back.</summary>
        public void Dispose() => Keep(0);

        internal void Hold(long more)
        {
            Held += more;
            _memory._used += more;
        }
    }
}
