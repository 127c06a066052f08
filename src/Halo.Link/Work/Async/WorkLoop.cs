using System.Threading.Channels;

namespace Halo.Link.Work.Async;

/// <summary>Does pieces of work one after another, in the order in which they were posted: what they alone touch needs no lock.</summary>
sealed class WorkLoop : IAsyncDisposable
{
    readonly Channel<(Func<ValueTask> Work, int Bytes)> _posted = Channel.CreateUnbounded<(Func<ValueTask>, int)>(new() { SingleReader = true });
    readonly Action _idle;
    readonly Action<Exception> _failed;
    readonly Task _running;
    int _count;
    long _bytes;
    volatile bool _ended;

    /// <param name="idle">Called, as a piece of work, whenever nothing is left to do.</param>
    /// <param name="failed">Called for what a piece of work throws; the next one is done all the same.</param>
    public WorkLoop(Action idle, Action<Exception> failed)
    {
        (_idle, _failed) = (idle, failed);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Pieces that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Bytes that they keep in memory.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Adds a piece of work; returns at once. After the end nothing is done any more.</summary>
    /// <param name="bytes">That it keeps in memory.</param>
    public void Post(Func<ValueTask> work, int bytes = 0)
    {
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _bytes, bytes);
        _posted.Writer.TryWrite((work, bytes));
    }

    /// <summary>Asks a question in its turn: what was posted before is done, what comes after is not.</summary>
    /// <exception cref="OperationCanceledException">The loop has ended.</exception>
    public async Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                answer.SetResult(question());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
            return ValueTask.CompletedTask;
        });
        await Task.WhenAny(answer.Task, _running);
        return answer.Task.IsCompleted ? await answer.Task : throw new OperationCanceledException("The loop has ended.");
    }

    /// <summary>Ends it after what it is doing; what waits is passed over.</summary>
    public async ValueTask DisposeAsync()
    {
        _ended = true;
        _posted.Writer.TryComplete();
        await _running;
    }

    async Task RunAsync()
    {
        while (await _posted.Reader.WaitToReadAsync())
        {
            while (_posted.Reader.TryRead(out var next))
            {
                Interlocked.Decrement(ref _count);
                Interlocked.Add(ref _bytes, -next.Bytes);
                if (!_ended)
                    await DoAsync(next.Work);
            }
            if (!_ended)
                await DoAsync(Idle);
        }

        ValueTask Idle()
        {
            _idle();
            return ValueTask.CompletedTask;
        }
    }

    async ValueTask DoAsync(Func<ValueTask> work)
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            _failed(e);
        }
    }
}
