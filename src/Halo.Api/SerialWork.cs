namespace Halo.Api;

/// <summary>Runs pieces of work one after another, in the order in which they were added, without holding a thread while idle.</summary>
public sealed class SerialWork
{
    readonly Lock _lock = new();
    Task _last = Task.CompletedTask;

    /// <summary>Adds a piece; it must handle its own failures.</summary>
    public void Add(Func<Task> work)
    {
        lock (_lock)
            _last = AfterAsync(_last, work);
    }

    static async Task AfterAsync(Task before, Func<Task> work)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        await work();
    }
}
