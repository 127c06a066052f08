namespace Halo.Link.Engines;

/// <summary>A token for a database's driver, cancelled beside whoever asks for it.</summary>
/// <remarks>
/// A driver does work in the callback of its token: Npgsql waits there for locks of a connection that may just have been given up, and then throws.
/// On a thread of a timer that would end the process, in the middle of a stop the stop.
/// </remarks>
sealed class DriverCancellation : IDisposable
{
    readonly TimeProvider _time;
    readonly CancellationTokenSource _source = new();
    readonly CancellationTokenRegistration _asked;
    ITimer? _timer;

    /// <param name="time">What <see cref="CancelAfter"/> counts by.</param>
    /// <param name="asked">Cancels it too.</param>
    public DriverCancellation(TimeProvider time, CancellationToken asked = default)
    {
        _time = time;
        _asked = asked.UnsafeRegister(static source => ((DriverCancellation)source!).Cancel(), this);
    }

    /// <summary>What the driver is given.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Cancels it; returns at once and never throws.</summary>
    public void Cancel()
    {
        try
        {
            _ = _source.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // What it was for has ended at this moment.
        }
    }

    /// <summary>Cancels it when so much time is over. Once.</summary>
    public void CancelAfter(TimeSpan time) =>
        _timer = _time.CreateTimer(static source => ((DriverCancellation)source!).Cancel(), this, time, Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        _asked.Dispose();
        _timer?.Dispose();
        _source.Dispose();
    }
}
