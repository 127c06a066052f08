using System.Data;
using System.Data.Common;
using Halo.Api.Basics;
using Npgsql;

namespace Halo.Api.Storage.Postgres;

/// <summary>The store of many nodes: PostgreSQL.</summary>
sealed class PostgresDatabase : Database
{
    // "Halo" in ASCII: whoever migrates holds it, so that two nodes started at once take turns.
    const long MigrationLock = 0x48616c6f;
    const int Tries = 5;

    /// <summary>A server that answers nothing must not keep the service from ending.</summary>
    static readonly TimeSpan GroupsEndWithin = TimeSpan.FromSeconds(2);

    static readonly TimeSpan UnitsEndWithin = TimeSpan.FromSeconds(5);

    /// <summary>Shared by every node that serves; whoever settles a restored store has it alone.</summary>
    internal const long ServingLock = MigrationLock + 1;

    readonly NpgsqlDataSource _source;
    readonly PostgresGroupCommit _groups;
    readonly TimeProvider _time;
    readonly InUse _units = new();

    /// <param name="connectionString">Npgsql's; statements are prepared automatically unless it says otherwise.</param>
    /// <param name="time">For the record of applied scripts.</param>
    /// <exception cref="StartupException">The connection string is malformed.</exception>
    public PostgresDatabase(string connectionString, TimeProvider time)
    {
        _time = time;
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString);
            if (settings.MaxAutoPrepare == 0)
                settings.MaxAutoPrepare = 200;
            settings.AutoPrepareMinUsages = 2;
            // Seconds. An idle connection that a restart of the server broke is found by this, and not by the next query.
            if (settings.KeepAlive == 0)
                settings.KeepAlive = 30;
            settings.ApplicationName ??= "halo-api";
            _source = NpgsqlDataSource.Create(settings);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The exception may quote the value, which holds a password.
            throw new StartupException(
                "The setting Halo:Storage:ConnectionString is not a PostgreSQL connection string. "
                + "Write it as Host=…;Database=…;Username=…;Password=….");
        }
        _groups = new(_source);
    }

    /// <summary>Keeps nodes from serving until this database is disposed.</summary>
    /// <exception cref="StartupException">A node serves.</exception>
    public async Task<IAsyncDisposable> AloneAsync()
    {
        var connection = await _source.OpenConnectionAsync();
        try
        {
            // A server takes a moment to notice that a node which has just stopped is gone.
            await using var command = connection.Command(null, $"SET lock_timeout = '2s'; SELECT pg_advisory_lock({ServingLock})");
            await command.ExecuteNonQueryAsync();
            return connection;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            await connection.DisposeAsync();
            throw new StartupException("A halo-api serves with this store. Stop every one of them first: settling would end the queries that run.", e);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string ForUpdate => " FOR UPDATE";

    public override string ForShare => " FOR SHARE";

    /// <inheritdoc/>
    public override int Waiting => _units.Count + _groups.Waiting;

    /// <inheritdoc/>
    public override bool RefusesWrites => _groups.Refuses;

    /// <inheritdoc/>
    public override async ValueTask<DbConnection> OpenAsync(CancellationToken stop = default) => await _source.OpenConnectionAsync(stop);

    /// <inheritdoc/>
    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop = default)
    {
        using var counted = _units.Enter();
        return await RunAsync(unit, stop);
    }

    async Task<T> RunAsync<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop)
    {
        for (var tried = 1; ; tried++)
        {
            var committing = false;
            try
            {
                await using var connection = await _source.OpenConnectionAsync(stop);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, stop);
                var result = await unit(transaction);
                committing = true;
                await transaction.CommitAsync(CancellationToken.None);
                return result;
            }
            catch (PostgresException e) when (
                tried < Tries && e.SqlState is (PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure))
            {
                // The server undid it to let another go first: run it again.
            }
            catch (NpgsqlException e) when (IsLost(e))
            {
                throw committing
                    ? new StorageException("The connection to PostgreSQL was lost before the commit was confirmed; whether this write is stored is not known.", e)
                    : new StorageException("PostgreSQL could not be reached, or the connection was lost; nothing of this write is stored.", e) { NothingStored = true };
            }
        }
    }

    /// <inheritdoc/>
    public override Task<int> CommitAsync(Statement statement) => _groups.Add(statement);

    /// <inheritdoc/>
    public override async Task MigrateAsync(CancellationToken stop = default)
    {
        try
        {
            await WriteAsync(async transaction =>
            {
                if ((await transaction.ReadAsync(r => r.GetString(0), "SHOW synchronous_commit"))[0] == "off")
                {
                    throw new StartupException(
                        "PostgreSQL runs with synchronous_commit = off, so that accepted queries could be lost with the power. "
                        + "Set it on, for this role at least: ALTER ROLE … SET synchronous_commit = on.");
                }
                await transaction.RunAsync($"SELECT pg_advisory_xact_lock({MigrationLock})");
                return await Migrations.ApplyAsync(transaction, SchemaWords.Postgres, _time);
            }, stop);
        }
        catch (StorageException e)
        {
            throw new StartupException(
                $"PostgreSQL could not be opened ({e.InnerException!.Message}). "
                + "Check the setting Halo:Storage:ConnectionString and that the server runs and knows this database and role.", e);
        }
    }

    /// <summary>No connection, or none any more; the server's own refusals of a statement are not among these.</summary>
    static bool IsLost(NpgsqlException e) => e is not PostgresException server
        || server.SqlState is PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.InvalidPassword
            or PostgresErrorCodes.InvalidAuthorizationSpecification;

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        var groups = _groups.DisposeAsync().AsTask();
        await groups.WaitAsync(GroupsEndWithin, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Units too are written to their end, also where nobody waits for them; but a server that answers nothing must not keep the service from ending.
        if (groups.IsCompleted)
            await _units.WhenEmptyAsync().WaitAsync(UnitsEndWithin, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _source.DisposeAsync();
    }
}
