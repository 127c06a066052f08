namespace Halo.Api.Events;

/// <summary>Set by whoever has something new, however often; one waits for it, and resets it before it looks, so that nothing new is missed.</summary>
sealed class Signal
{
    volatile TaskCompletionSource _set = New();

    /// <summary>Completes when it is set.</summary>
    public Task Task => _set.Task;

    public void Set() => _set.TrySetResult();

    /// <summary>By the one who waits. What is set after it completes <see cref="Task"/>.</summary>
    public void Reset()
    {
        if (_set.Task.IsCompleted)
            _set = New();
    }

    /// <summary>Waits until it is set, the time is over, or it is stopped.</summary>
    /// <returns>Whether it is set.</returns>
    public async Task<bool> WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken stop)
    {
        var wait = Task.WaitAsync(atMost, time, stop);
        await wait.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return wait.IsCompletedSuccessfully;
    }

    static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
