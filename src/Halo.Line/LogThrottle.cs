namespace Halo.Line;

/// <summary>Lets so many log lines through in a minute and counts the others: the other end must not fill this one's disk.</summary>
public sealed class LogThrottle(TimeProvider time, int perMinute)
{
    readonly Lock _lock = new();
    long _since = time.GetTimestamp();
    int _let;
    int _suppressed;

    /// <summary>Whether a line may be written now.</summary>
    /// <param name="suppressed">How many were suppressed since the last that was.</param>
    public bool Lets(out int suppressed)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_since) >= TimeSpan.FromMinutes(1))
                (_since, _let) = (time.GetTimestamp(), 0);
            suppressed = _suppressed;
            if (_let == perMinute)
            {
                _suppressed++;
                return false;
            }
            _let++;
            _suppressed = 0;
            return true;
        }
    }
}
