using Halo.Client;

namespace Halo.Data.Commands;

/// <summary>One execution, which its caller's token ends and <c>Cancel</c> too.</summary>
sealed class CommandRun : IDisposable
{
    readonly CancellationTokenSource _cancelled = new();

    /// <summary>Called by <see cref="Cancel"/>.</summary>
    public CancellationToken Token => _cancelled.Token;

    /// <summary>Asks for it to be stopped. From any thread, and also when it has ended.</summary>
    public void Cancel()
    {
        try
        {
            _cancelled.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>Calls what runs until it ends or somebody cancels.</summary>
    /// <exception cref="HaloDbException">It did not succeed, or was ended by <see cref="Cancel"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller's token was called.</exception>
    public async ValueTask<T> DoAsync<TState, T>(TState state, Func<TState, CancellationToken, ValueTask<T>> call, Func<HaloException, HaloDbException> failed, CancellationToken token)
    {
        using var either = token.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(token, _cancelled.Token) : null;
        return await FinishAsync(call(state, either?.Token ?? _cancelled.Token), failed, token);
    }

    /// <summary>Waits for what was begun with <see cref="Token"/>; the caller's token ends it too.</summary>
    /// <inheritdoc cref="DoAsync"/>
    public async ValueTask<T> WaitAsync<T>(ValueTask<T> running, Func<HaloException, HaloDbException> failed, CancellationToken token)
    {
        using var registration = token.UnsafeRegister(static run => ((CommandRun)run!).Cancel(), this);
        return await FinishAsync(running, failed, token);
    }

    public void Dispose() => _cancelled.Dispose();

    static async ValueTask<T> FinishAsync<T>(ValueTask<T> running, Func<HaloException, HaloDbException> failed, CancellationToken token)
    {
        try
        {
            return await running;
        }
        catch (HaloException e)
        {
            throw failed(e);
        }
        catch (OperationCanceledException e) when (!token.IsCancellationRequested)
        {
            throw new HaloDbException("The command was cancelled; what it had sent may have been executed all the same.", e);
        }
        catch (OperationCanceledException e) when (e is not HaloCanceledException && e.CancellationToken != token)
        {
            throw new OperationCanceledException(e.Message, e, token);
        }
    }
}
