using System.Diagnostics;

namespace Halo.Bench.IdleLinks;

/// <summary>What the fleet's Links tell of themselves.</summary>
sealed class FleetCounts
{
    readonly Lock _lock = new();
    readonly List<double> _returns = [];
    long _mark = Stopwatch.GetTimestamp();
    int _connected;
    int _lostAgain;
    long _heartbeats;
    long _tokens;
    long _failed;
    string? _lastError;
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Connected()
    {
        lock (_lock)
        {
            _connected++;
            _returns.Add(Stopwatch.GetElapsedTime(_mark).TotalSeconds);
            _changed.TrySetResult();
        }
    }

    /// <param name="welcomed">When the session began that has ended.</param>
    public void Disconnected(long welcomed)
    {
        lock (_lock)
        {
            _connected--;
            if (welcomed > _mark)
                _lostAgain++;
        }
    }

    public void Heartbeat() => Interlocked.Increment(ref _heartbeats);

    public void TokenAsked() => Interlocked.Increment(ref _tokens);

    public void Failed(string error)
    {
        Interlocked.Increment(ref _failed);
        _lastError = error;
    }

    public void Mark()
    {
        lock (_lock)
        {
            _mark = Stopwatch.GetTimestamp();
            _returns.Clear();
            (_lostAgain, _lastError) = (0, null);
            Interlocked.Exchange(ref _failed, 0);
            Interlocked.Exchange(ref _tokens, 0);
        }
    }

    /// <summary>Until so many are connected, or the time is over.</summary>
    public async Task WaitAsync(int wanted, TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within);
        while (!limit.IsCancellationRequested)
        {
            Task changed;
            lock (_lock)
            {
                if (_connected >= wanted)
                    return;
                if (_changed.Task.IsCompleted)
                    _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _changed.Task;
            }
            await changed.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public FleetState Tell(int known)
    {
        lock (_lock)
        {
            var sorted = _returns.Order().ToList();
            return new FleetState(known, _connected)
            {
                Heartbeats = Interlocked.Read(ref _heartbeats),
                TokensAsked = Interlocked.Read(ref _tokens),
                FailedAttempts = Interlocked.Read(ref _failed),
                Returned = sorted.Count,
                LostAgain = _lostAgain,
                Back50 = At(0.5),
                Back99 = At(0.99),
                BackAll = At(1),
                LastError = _lastError,
            };

            double At(double share) => sorted.Count == 0 ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(sorted.Count * share) - 1)];
        }
    }
}
