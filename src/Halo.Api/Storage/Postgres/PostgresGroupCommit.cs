using System.Threading.Channels;
using Halo.Api.Basics;
using Npgsql;

namespace Halo.Api.Storage.Postgres;

/// <summary>
/// Many statements, one commit: one loop takes all that wait into one batch. A batch ends with a single Sync, and what
/// stands before a Sync is one transaction, so a group costs one round trip and one sync to disk.
/// </summary>
sealed class PostgresGroupCommit : IAsyncDisposable
{
    // Keeps a batch, and the locks it holds, short after a stall.
    const int MostInGroup = 500;
    const int Tries = 3;

    readonly NpgsqlDataSource _source;
    readonly Channel<Entry> _waiting = Channel.CreateUnbounded<Entry>(new() { SingleReader = true });
    readonly Task _loop;
    int _count;
    volatile bool _refuses;

    public PostgresGroupCommit(NpgsqlDataSource source)
    {
        _source = source;
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Statements that are not committed yet.</summary>
    public int Waiting => Volatile.Read(ref _count);

    /// <summary>The last group could not be committed.</summary>
    public bool Refuses => _refuses;

    /// <summary>Adds a statement to the next group.</summary>
    /// <returns>Rows affected, once it is committed.</returns>
    public Task<int> Add(Statement statement)
    {
        var waiting = new Entry(statement);
        ObjectDisposedException.ThrowIf(!_waiting.Writer.TryWrite(waiting), typeof(PostgresDatabase));
        Interlocked.Increment(ref _count);
        return waiting.Done.Task;
    }

    /// <summary>Commits what still waits, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
    }

    async Task LoopAsync()
    {
        NpgsqlConnection? connection = null;
        var group = new List<Entry>();
        while (await _waiting.Reader.WaitToReadAsync())
        {
            while (group.Count < MostInGroup && _waiting.Reader.TryRead(out var next))
                group.Add(next);
            var started = Telemetry.Moment;
            try
            {
                if (connection is not { FullState: System.Data.ConnectionState.Open })
                    connection = await ReopenAsync(connection);
                await CommitAsync(group, connection);
                _refuses = false;
                Telemetry.Committed(group.Count, started, stored: true);
            }
            catch (Exception e)
            {
                _refuses = true;
                Telemetry.Committed(group.Count, started, stored: false);
                var lost = new StorageException(
                    "The connection to PostgreSQL was lost before the commit was confirmed; whether this write is stored is not known.", e);
                group.ForEach(w => w.Done.TrySetException(lost));
                var broken = connection;
                connection = null;
                if (broken is not null)
                    // Whatever it says, the next group has a new one.
                    await broken.DisposeAsync().AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            Interlocked.Add(ref _count, -group.Count);
            group.Clear();
        }
        if (connection is not null)
            await connection.DisposeAsync();
    }

    async Task<NpgsqlConnection> ReopenAsync(NpgsqlConnection? broken)
    {
        if (broken is not null)
            await broken.DisposeAsync();
        var connection = await _source.OpenConnectionAsync();
        try
        {
            // As long as this connection is there nobody settles the store as a restored one; while somebody does, it waits.
            await using var serving = connection.Command(null, $"SELECT pg_advisory_lock_shared({PostgresDatabase.ServingLock})");
            await serving.ExecuteNonQueryAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    static async Task CommitAsync(List<Entry> group, NpgsqlConnection connection)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var waiting in group)
            batch.BatchCommands.Add(CommandFor(waiting.Statement));
        try
        {
            await batch.ExecuteNonQueryAsync();
        }
        catch (PostgresException e) when (connection.FullState == System.Data.ConnectionState.Open)
        {
            // One of them is refused and the server has undone them all: each alone, so that only the culprit fails.
            if (group.Count == 1 && !e.IsTransient)
                group[0].Done.SetException(e);
            else
                await CommitEachAsync(group, connection);
            return;
        }
        for (var i = 0; i < group.Count; i++)
            group[i].Done.SetResult(batch.BatchCommands[i].RecordsAffected);
    }

    static async Task CommitEachAsync(List<Entry> group, NpgsqlConnection connection)
    {
        foreach (var waiting in group)
        {
            for (var tried = 1; !waiting.Done.Task.IsCompleted; tried++)
            {
                try
                {
                    await using var batch = new NpgsqlBatch(connection) { BatchCommands = { CommandFor(waiting.Statement) } };
                    waiting.Done.SetResult(await batch.ExecuteNonQueryAsync());
                }
                catch (PostgresException e) when (connection.FullState == System.Data.ConnectionState.Open)
                {
                    // Transient: a deadlock with another node's batch.
                    if (!e.IsTransient || tried == Tries)
                        waiting.Done.SetException(e);
                }
            }
        }
    }

    static NpgsqlBatchCommand CommandFor(Statement statement)
    {
        var command = new NpgsqlBatchCommand(statement.Sql);
        foreach (var (name, value) in statement.Parameters)
            command.Parameters.Add(new() { ParameterName = name, Value = value ?? DBNull.Value });
        return command;
    }

    sealed class Entry(Statement statement)
    {
        public Statement Statement => statement;

        public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
