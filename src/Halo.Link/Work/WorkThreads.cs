namespace Halo.Link.Work;

/// <summary>Threads of their own for work that blocks, since SQLite does and SqlClient reads large values so: the pool's threads carry the line.</summary>
/// <remarks>
/// A task started here stays here: what follows its awaits comes back to these threads. One thread per place in the
/// lane is enough, as each query runs on one thread at a time. Threads start when they are first needed and wait without
/// using the processor; they never keep the process alive, so a call that hangs in a driver cannot hinder the stop.
/// </remarks>
public sealed class WorkThreads(string name, int threads) : TaskScheduler, IDisposable
{
    readonly Lock _lock = new();
    readonly Queue<Task> _queue = new();
    readonly SemaphoreSlim _available = new(0);
    int _started;
    int _idle;
    bool _stopped;

    public override int MaximumConcurrencyLevel => threads;

    /// <summary>Runs asynchronous work on these threads.</summary>
    public Task Run(Func<Task> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    /// <summary>Lets the idle threads go; one that is held up in a driver goes with the process.</summary>
    public void Dispose()
    {
        lock (_lock)
            _stopped = true;
        _available.Release(threads);
    }

    protected override void QueueTask(Task task)
    {
        lock (_lock)
        {
            _queue.Enqueue(task);
            if (_idle < _queue.Count && _started < threads && !_stopped)
            {
                _started++;
                new Thread(Loop) { IsBackground = true, Name = name }.Start();
            }
        }
        _available.Release();
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_lock)
            return [.. _queue];
    }

    void Loop()
    {
        while (true)
        {
            lock (_lock)
                _idle++;
            _available.Wait();
            Task? task;
            lock (_lock)
            {
                _idle--;
                if (!_queue.TryDequeue(out task) && _stopped)
                    return;
            }
            if (task is not null)
                TryExecuteTask(task);
        }
    }
}
