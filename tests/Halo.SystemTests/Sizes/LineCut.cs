using Halo.Testing.Proxy;

namespace Halo.SystemTests.Sizes;

/// <summary>Cuts a line once, when so many bytes have passed in the direction that is disturbed.</summary>
sealed class LineCut : IDisposable
{
    readonly LineDirection? _direction;
    readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _left;

    public LineCut(SocketProxy line, Disturbance disturbance, int after, Action cut)
    {
        _left = after;
        _direction = disturbance switch
        {
            Disturbance.None => null,
            Disturbance.CutDown => line.Down,
            _ => line.Up,
        };
        if (_direction is null)
            return;
        _direction.Passed = piece =>
        {
            if (Interlocked.Add(ref _left, -piece.Length) > 0 || _done.Task.IsCompleted)
                return;
            cut();
            _done.TrySetResult();
            line.Cut();
        };
    }

    /// <summary>Ends when it was cut.</summary>
    public Task Done => _done.Task;

    public void Dispose()
    {
        if (_direction is not null)
            _direction.Passed = null;
        _done.TrySetResult();
    }
}
