namespace Halo.Testing.Proxy;

/// <summary>One direction of a <see cref="SocketProxy"/>, for all its connections; everything can be changed at any moment.</summary>
public sealed class LineDirection
{
    readonly Lock _lock = new();
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    LineMode _mode;
    long _bytes;
    long _freeAt;

    /// <summary>What happens to the bytes. A connection that has lost some is cut as soon as this is no longer what lost them.</summary>
    public LineMode Mode
    {
        get => _mode;
        set
        {
            TaskCompletionSource changed;
            lock (_lock)
            {
                _mode = value;
                (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
            }
            changed.SetResult();
        }
    }

    /// <summary>How much later each byte arrives; the flow itself is not slowed.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>One bucket for all connections; 0: no bound.</summary>
    public long BytesPerSecond { get; set; }

    /// <summary><see cref="LineMode.Corrupt"/> touches pieces of at least so many bytes: 1 for every one, more for bodies alone.</summary>
    public int CorruptFrom { get; set; } = 1;

    /// <summary>Gets each piece that is passed on; from several threads where there are several connections.</summary>
    public Action<ReadOnlyMemory<byte>>? Passed { get; set; }

    /// <summary>Bytes that were passed on.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Pieces that were damaged.</summary>
    public int Corrupted { get; private set; }

    /// <summary>Waits while the mode is <see cref="LineMode.Pause"/>.</summary>
    internal async Task<LineMode> WhenItMovesAsync(CancellationToken stop)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_mode != LineMode.Pause)
                    return _mode;
                changed = _changed.Task;
            }
            await changed.WaitAsync(stop);
        }
    }

    /// <summary>Waits until the mode is another one than <paramref name="mode"/>.</summary>
    internal async Task UntilNotAsync(LineMode mode, CancellationToken stop)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_mode != mode)
                    return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(stop);
        }
    }

    /// <summary>Counts bytes and waits until the bucket has given as many.</summary>
    internal async Task TakeAsync(int bytes, CancellationToken stop)
    {
        Interlocked.Add(ref _bytes, bytes);
        if (BytesPerSecond is not (> 0 and var rate))
            return;
        TimeSpan wait;
        lock (_lock)
        {
            var now = TimeProvider.System.GetTimestamp();
            var frequency = TimeProvider.System.TimestampFrequency;
            _freeAt = Math.Max(_freeAt, now) + bytes * frequency / rate;
            wait = TimeSpan.FromSeconds((double)(_freeAt - now) / frequency);
        }
        // Timers are no finer than this; what is not waited for now is owed to the next piece.
        if (wait >= TimeSpan.FromMilliseconds(2))
            await Task.Delay(wait, stop);
    }

    internal void Damage(Span<byte> piece)
    {
        if (piece.Length < CorruptFrom)
            return;
        piece[^(1 + piece.Length / 3)] ^= 0x55;
        lock (_lock)
            Corrupted++;
    }
}
