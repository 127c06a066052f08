namespace Halo.Link.Work.Immediate;

/// <summary>Lets uploads stand aside while immediate queries run: the immediate lane enters and leaves, uploads wait between pieces.</summary>
/// <remarks>A wait is bounded, so that a practice with immediate work all day still delivers: 32 KiB per 50 ms are 640 KB/s at the least.</remarks>
sealed class ImmediateGate(TimeProvider time)
{
    static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(50);
    readonly Lock _lock = new();
    TaskCompletionSource? _idle;
    int _running;

    /// <summary>An immediate query begins.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            _running++;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>An immediate query has ended.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            if (--_running > 0)
                return;
            _idle?.SetResult();
            _idle = null;
        }
    }

    /// <summary>Returns at once while no immediate query runs; otherwise when the last has ended, or after 50 ms.</summary>
    public ValueTask StandAsideAsync(CancellationToken stop)
    {
        lock (_lock)
            return _idle is null ? ValueTask.CompletedTask : new ValueTask(WaitAsync(_idle.Task, stop));
    }

    async Task WaitAsync(Task idle, CancellationToken stop)
    {
        try
        {
            await idle.WaitAsync(LongestWait, time, stop);
        }
        catch (TimeoutException)
        {
            // Immediate work goes on; one piece may pass.
        }
    }
}
