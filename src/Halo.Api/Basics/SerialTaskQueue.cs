namespace Halo.Api.Basics;

/// <summary>Runs pieces of work one after another, in the order in which they were added, without holding a thread while idle.</summary>
sealed class SerialTaskQueue
{
    readonly Lock _lock = new();
    Task _last = Task.CompletedTask;
    bool _ended;

    /// <summary>Adds a piece; it must handle its own failures. After the end it is dropped.</summary>
    /// <returns>Completes when it is done.</returns>
    public Task Add(Func<Task> work)
    {
        lock (_lock)
            return _ended ? Task.CompletedTask : _last = AfterAsync(_last, work);
    }

    /// <summary>Nothing more is begun.</summary>
    /// <returns>Completes, without a fault, when what runs has ended.</returns>
    public async Task EndAsync()
    {
        Task last;
        lock (_lock)
        {
            _ended = true;
            last = _last;
        }
        await last.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    async Task AfterAsync(Task before, Func<Task> work)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        lock (_lock)
        {
            if (_ended)
                return;
        }
        await work();
    }
}
