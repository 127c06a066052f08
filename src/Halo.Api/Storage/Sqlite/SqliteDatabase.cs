using System.Data.Common;
using Halo.Api.Basics;
using Halo.Line;
using Microsoft.Data.Sqlite;

namespace Halo.Api.Storage.Sqlite;

/// <summary>The embedded store: one SQLite file in WAL mode, synced at every commit.</summary>
/// <remarks>SQLite has one writer at a time, so all writes go through one thread; readers have pooled connections and never wait for it.</remarks>
sealed class SqliteDatabase : Database
{
    readonly string _readers;
    readonly SqliteWriter _writer;
    readonly TimeProvider _time;

    /// <param name="file">The database file; made here, readable by the service's account alone, as are the files that SQLite makes beside it.</param>
    /// <param name="time">For the record of applied scripts.</param>
    public SqliteDatabase(string file, TimeProvider time)
    {
        _time = time;
        DurableFile.EnsureOwnerOnly(file);
        // Seconds that a connection waits for another process's lock (a backup, a second start).
        var writer = new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 30, ForeignKeys = true };
        _readers = new SqliteConnectionStringBuilder(writer.ConnectionString) { Pooling = true }.ConnectionString;
        _writer = new(writer.ConnectionString);
    }

    /// <inheritdoc/>
    public override string ForUpdate => "";

    public override string ForShare => "";

    /// <inheritdoc/>
    public override int Waiting => _writer.Waiting;

    /// <inheritdoc/>
    public override bool RefusesWrites => _writer.Refuses;

    /// <inheritdoc/>
    public override async ValueTask<DbConnection> OpenAsync(CancellationToken stop = default)
    {
        var connection = new SqliteConnection(_readers);
        try
        {
            await connection.OpenAsync(stop);
            await using var command = connection.Command(null, "PRAGMA query_only = ON");
            await command.ExecuteNonQueryAsync(stop);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop = default)
    {
        stop.ThrowIfCancellationRequested();
        var work = new UnitWork<T>(unit, stop);
        _writer.Add(work);
        return await work.Done;
    }

    /// <inheritdoc/>
    public override Task<int> CommitAsync(Statement statement)
    {
        var work = new StatementWork(statement);
        _writer.Add(work);
        return work.Done;
    }

    /// <inheritdoc/>
    public override async Task MigrateAsync(CancellationToken stop = default)
    {
        try
        {
            await WriteAsync(transaction => Migrations.ApplyAsync(transaction, SchemaWords.Sqlite, _time), stop);
        }
        catch (Exception e) when (e is StorageException or SqliteException)
        {
            throw new StartupException($"The store {new SqliteConnectionStringBuilder(_readers).DataSource} cannot be used ({e.GetBaseException().Message}). "
                + "Look at the disk and at who may write there; where the file is damaged, restore a backup (halo-api restore).", e);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        await _writer.DisposeAsync();
        using var connection = new SqliteConnection(_readers);
        SqliteConnection.ClearPool(connection);
    }
}
