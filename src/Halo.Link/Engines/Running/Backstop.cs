namespace Halo.Link.Engines.Running;

/// <summary>Answers for a run that does not end, whatever its database or driver does: then the run is left behind.</summary>
/// <remarks>Either the run ends by <see cref="TryEnd"/> or it is left behind, never both: a run that was left behind must not use its sink any more.</remarks>
sealed class Backstop(TimeProvider time) : IDisposable
{
    readonly TaskCompletionSource<ExecutionResult> _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Lock _lock = new();
    ITimer? _timer;
    Func<ExecutionResult>? _answer;
    bool _ended;
    bool _leftBehind;

    /// <summary>Completes when the run is left behind, with what its caller is told.</summary>
    public Task<ExecutionResult> Reached => _reached.Task;

    /// <summary>Whether the run was left behind: what it says itself is for nobody.</summary>
    public bool HasLeftBehind
    {
        get
        {
            lock (_lock)
                return _leftBehind;
        }
    }

    /// <summary>Gives the run so much time from now on, instead of what was set before.</summary>
    /// <param name="after">Time left.</param>
    /// <param name="answer">What the caller is told when it is over. Called on the timer's thread.</param>
    public void Set(TimeSpan after, Func<ExecutionResult> answer)
    {
        lock (_lock)
        {
            if (_ended || _leftBehind)
                return;
            _timer?.Dispose();
            _answer = answer;
            _timer = time.CreateTimer(state => Reach((Func<ExecutionResult>)state!), answer, after, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Lets the run take its time: another limit holds.</summary>
    /// <returns>False: too late, it was left behind.</returns>
    public bool Clear()
    {
        lock (_lock)
        {
            _timer?.Dispose();
            (_timer, _answer) = (null, null);
            return !_leftBehind;
        }
    }

    /// <summary>Tells that the run has come to its end.</summary>
    /// <returns>False: too late, it was left behind.</returns>
    public bool TryEnd()
    {
        lock (_lock)
        {
            _ended = !_leftBehind;
            return _ended;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _timer?.Dispose();
        }
    }

    void Reach(Func<ExecutionResult> answer)
    {
        lock (_lock)
        {
            // A timer that was replaced may still fire once.
            if (_ended || _leftBehind || _answer != answer)
                return;
            _leftBehind = true;
        }
        _reached.SetResult(answer() with { Forced = ForcedEnd.LeftBehind });
    }
}
