using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Looks at a session from outside, and ends it: over a connection of its own that is there only while a command runs long or does not obey.</summary>
/// <remarks>Commands that run on under an engine that is disposed are still overseen: each question then has a connection of its own.</remarks>
[SuppressMessage("Usage", "CA2213", Justification = "The semaphore has no handle, and who runs on still takes turns.")]
sealed class PostgresOverseer : IAsyncDisposable
{
    static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(10);
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    readonly string _connectionString;
    readonly TimeProvider _time;
    readonly SemaphoreSlim _turn = new(1);
    readonly ITimer _closing;
    NpgsqlConnection? _connection;
    volatile bool _disposed;

    public PostgresOverseer(NpgsqlConnectionStringBuilder settings, TimeProvider time)
    {
        _time = time;
        _connectionString = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Pooling = false, ApplicationName = "Halo Link guard", Timeout = 3, CommandTimeout = 3 }.ConnectionString;
        _closing = time.CreateTimer(static overseer => _ = ((PostgresOverseer)overseer!).CloseAsync(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The sessions that wait for a lock of this one. Every login may see who waits for whom.</summary>
    public Task<List<long>> BlockedByAsync(int process, CancellationToken stop) => AskAsync(
        // OFFSET 0: who blocks whom is asked of those alone that wait, since the server locks its table of locks to say it.
        "SELECT w.pid FROM (SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted OFFSET 0) w WHERE w.pid <> $1 AND $1 = ANY (pg_catalog.pg_blocking_pids(w.pid))",
        process, stop);

    /// <summary>Ends a session of this login, and with it what runs in it: unlike a cancel, no code of the session can catch it.</summary>
    /// <returns>Whether there was such a session.</returns>
    public async Task<bool> EndAsync(int process, CancellationToken stop) => (await AskAsync(
        // Not as a condition on the sessions: the planner is free to ask it of each before it looks which one is meant.
        "SELECT $1 WHERE CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1 AND usename = session_user) THEN pg_catalog.pg_terminate_backend($1) END",
        process, stop)).Count > 0;

    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        await _closing.DisposeAsync();
        await CloseAsync();
    }

    async Task<List<long>> AskAsync(string sql, int process, CancellationToken stop)
    {
        using var limit = new DriverCancellation(_time, stop);
        limit.CancelAfter(Patience);
        await _turn.WaitAsync(limit.Token);
        try
        {
            if (_connection is null)
            {
                var opened = new NpgsqlConnection(_connectionString);
                _connection = opened;
                await opened.OpenAsync(limit.Token);
            }
            await using var command = new NpgsqlCommand(sql, _connection);
            command.Parameters.Add(new() { Value = process });
            await using var reader = await command.ExecuteReaderAsync(limit.Token);
            var found = new List<long>();
            while (await reader.ReadAsync(limit.Token))
                found.Add(reader.GetInt32(0));
            if (!_disposed)
                _closing.Change(KeptFor, Timeout.InfiniteTimeSpan);
            return found;
        }
        catch
        {
            // A new one next time.
            _connection?.Dispose();
            _connection = null;
            throw;
        }
        finally
        {
            // Where it is disposed of meanwhile, that closes it.
            if (_disposed)
            {
                _connection?.Dispose();
                _connection = null;
            }
            _turn.Release();
        }
    }

    async Task CloseAsync()
    {
        await _turn.WaitAsync();
        _connection?.Dispose();
        _connection = null;
        _turn.Release();
    }
}
