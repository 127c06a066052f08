namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>One connection of a login is made at a time, so that a wrong password is tried once, not once for each query that waits.</summary>
/// <remarks>One that does not come back, whatever it is told, keeps nobody away for longer than a minute.</remarks>
sealed class PostgresConnectTurns(TimeProvider time)
{
    static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    readonly Lock _lock = new();
    (SemaphoreSlim Free, long TakenAt) _turn = (new(1), 0);

    /// <summary>Waits for the turn.</summary>
    /// <returns>What gives it to the next when it is released.</returns>
    public async Task<SemaphoreSlim> TakeAsync(CancellationToken stop)
    {
        SemaphoreSlim turn;
        lock (_lock)
        {
            turn = _turn.Free;
            if (turn.Wait(0, CancellationToken.None))
                return Taken(turn);
            // Whoever has it is left behind, and those who wait behind it until their time is over.
            if (time.GetElapsedTime(_turn.TakenAt) > Longest)
            {
                turn = new(0, 1);
                return Taken(turn);
            }
        }
        await turn.WaitAsync(stop);
        lock (_lock)
            return turn == _turn.Free ? Taken(turn) : turn;
    }

    /// <summary>Under the lock.</summary>
    SemaphoreSlim Taken(SemaphoreSlim turn)
    {
        _turn = (turn, time.GetTimestamp());
        return turn;
    }
}
