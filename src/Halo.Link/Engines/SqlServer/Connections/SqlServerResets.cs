using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Connections;

/// <summary>Sees to it that what a query leaves in its session (temporary tables, application locks, settings) is gone soon after its answer.</summary>
/// <remarks>
/// The driver sends its reset with the next command over a pooled connection, however late that is. So a connection that comes back is kept open for a moment:
/// where another query comes, it takes the connection, and the reset travels with its first command; where none does, a command of the Link's own carries it.
/// </remarks>
sealed class SqlServerResets : IDisposable
{
    /// <summary>Back-to-back queries pay for no reset of their own.</summary>
    internal static readonly TimeSpan After = TimeSpan.FromMilliseconds(250);

    const int SecondsForReset = 5;

    readonly TimeProvider _time;
    readonly Lock _lock = new();
    readonly List<(SqlConnection Connection, string Pool, long Since)> _used = [];
    readonly ConditionalWeakTable<DbConnection, string> _pools = [];
    readonly ITimer _timer;
    (Task Reset, string Pool) _resetting = (Task.CompletedTask, "");
    bool _disposed;

    public SqlServerResets(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static resets => ((SqlServerResets)resets!).OnTime(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Opens a connection, with the session that was used last where there is one.</summary>
    public async Task OpenAsync(SqlConnection connection, CancellationToken stop)
    {
        var pool = connection.ConnectionString;
        // The driver gives away next what it got last.
        if (TakeLast(pool) is { } last)
            await last.DisposeAsync();
        else if (_resetting is ({ IsCompleted: false } reset, var resetting) && resetting == pool)
            // It is there sooner than a new one.
            await reset.WaitAsync(stop);
        await connection.OpenAsync(stop);
        _pools.AddOrUpdate(connection, pool);
    }

    /// <summary>Takes a connection back.</summary>
    public ValueTask CloseAsync(DbConnection connection)
    {
        if (connection is SqlConnection { State: System.Data.ConnectionState.Open } used && _pools.TryGetValue(used, out var pool))
        {
            lock (_lock)
            {
                if (!_disposed)
                {
                    if (_used.Count == 0)
                        _timer.Change(After, Timeout.InfiniteTimeSpan);
                    _used.Add((used, pool, _time.GetTimestamp()));
                    return ValueTask.CompletedTask;
                }
            }
        }
        return connection.DisposeAsync();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var (connection, _, _) in _used)
                connection.Dispose();
            _used.Clear();
        }
        _timer.Dispose();
    }

    SqlConnection? TakeLast(string pool)
    {
        lock (_lock)
        {
            var last = _used.FindLastIndex(u => u.Pool == pool);
            if (last < 0)
                return null;
            var connection = _used[last].Connection;
            _used.RemoveAt(last);
            return connection;
        }
    }

    void OnTime()
    {
        lock (_lock)
        {
            var due = _used.FindIndex(u => _time.GetElapsedTime(u.Since) < After);
            due = due < 0 ? _used.Count : due;
            foreach (var (connection, pool, _) in _used[..due])
                _resetting = (ResetAsync(connection), pool);
            _used.RemoveRange(0, due);
            if (_used.Count == 0 || _disposed)
                return;
            // Its time may have come since it was looked at above.
            var wait = After - _time.GetElapsedTime(_used[0].Since);
            _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Through the driver's pool, which marks a connection so; any command then carries it.</summary>
    static async Task ResetAsync(SqlConnection connection)
    {
        await Task.Yield();
        await using (connection)
        {
            try
            {
                await connection.CloseAsync();
                await connection.OpenAsync();
                await using var command = new SqlCommand("SELECT 1", connection) { CommandTimeout = SecondsForReset };
                await command.ExecuteScalarAsync();
            }
            catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
            {
                // What its server closed, or the driver gave up, leaves nothing either.
            }
        }
    }
}
