namespace Halo.Data.Connections;

/// <summary>Waits for what the client does asynchronously, for ADO.NET's synchronous calls. No caller's context is needed to go on, so that a window's thread cannot wait for itself.</summary>
static class Blocking
{
    public static T Wait<TState, T>(TState state, Func<TState, ValueTask<T>> run)
    {
        if (TaskScheduler.Current != TaskScheduler.Default)
            return Task.Run(() => run(state).AsTask()).GetAwaiter().GetResult();
        var context = SynchronizationContext.Current;
        if (context is not null)
            SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var running = run(state);
            return running.IsCompleted ? running.GetAwaiter().GetResult() : running.AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            if (context is not null)
                SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    public static T Wait<T>(Func<Task<T>> run) => Wait(run, static r => new ValueTask<T>(r()));

    public static void Wait(Func<Task> run) => Wait(run, static async r =>
    {
        await r();
        return true;
    });
}
