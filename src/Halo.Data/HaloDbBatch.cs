using System.Data;
using System.Data.Common;
using Halo.Client;
using Halo.Contracts.Queries;
using Halo.Data.Commands;
using Halo.Data.Connections;
using Halo.Data.Reading;
using IsolationLevel = System.Data.IsolationLevel;

namespace Halo.Data;

/// <summary>Commands that run in order in one transaction at the practice: all of them take effect, or none. Up to 100, or 1,000 that differ by their values alone.</summary>
/// <remarks>
/// It has an idempotency key, so that it is repeated safely where its answer was lost. The rows of all commands together have the service's limit of an immediate
/// answer (8 MiB). Do not write <c>BEGIN</c> or <c>COMMIT</c> into it: the transaction is the practice's Halo Link's.
/// </remarks>
public sealed class HaloDbBatch : DbBatch
{
    HaloDbConnection? _connection;
    int? _timeout;
    volatile CommandRun? _running;

    /// <summary>Creates a batch.</summary>
    public HaloDbBatch()
    {
    }

    /// <summary>Creates a batch of a connection.</summary>
    public HaloDbBatch(HaloDbConnection? connection) => _connection = connection;

    /// <summary>Its commands.</summary>
    public new HaloDbBatchCommandCollection BatchCommands { get; } = new();

    /// <summary>Its connection.</summary>
    public new HaloDbConnection? Connection { get => _connection; set => _connection = value; }

    /// <summary>Seconds that each command may execute; all together have the service's limit. 0, and more than that: as long as it lets them. Default: the connection string's, or 30.</summary>
    public override int Timeout
    {
        get => _timeout ?? _connection?.Settings.CommandTimeout ?? 30;
        set => _timeout = ContractCommand.CheckedTimeout(value);
    }

    /// <summary>How far its transaction is kept apart from others. Unspecified, the default: as the database usually does.</summary>
    /// <exception cref="NotSupportedException">Chaos is no level.</exception>
    public IsolationLevel IsolationLevel
    {
        get;
        set => field = value == IsolationLevel.Chaos ? throw new NotSupportedException("No database of Halo has the level Chaos.") : value;
    } = IsolationLevel.Unspecified;

    /// <summary>A key of your own, 1 to 128 characters: within 24 hours the same batch with it is not executed again. Null: it gets one.</summary>
    public string? IdempotencyKey { get; set; }

    /// <inheritdoc/>
    protected override DbBatchCommandCollection DbBatchCommands => BatchCommands;

    /// <inheritdoc/>
    protected override DbConnection? DbConnection
    {
        get => _connection;
        set => _connection = value is null or HaloDbConnection ? (HaloDbConnection?)value : throw new InvalidCastException($"The batch takes a {nameof(HaloDbConnection)}, and not {value.GetType().Name}.");
    }

    /// <summary>Always null: the batch is its own transaction.</summary>
    protected override DbTransaction? DbTransaction
    {
        get => null;
        set
        {
            if (value is not null)
                throw new NotSupportedException("A batch is a transaction of its own.");
        }
    }

    /// <summary>Asks for it to be stopped at the practice; whoever waits for it gets a <see cref="HaloDbException"/>. From any thread.</summary>
    public override void Cancel() => _running?.Cancel();

    /// <summary>Does nothing.</summary>
    public override void Prepare() => Ready();

    /// <inheritdoc/>
    public override Task PrepareAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Prepare();
        return Task.CompletedTask;
    }

    /// <inheritdoc cref="ExecuteNonQueryAsync"/>
    public override int ExecuteNonQuery() => Blocking.Wait(() => ExecuteNonQueryAsync(default));

    /// <summary>Runs it without reading rows; all of it is committed then.</summary>
    /// <returns>How many rows its commands changed together; -1 where none of them has a number.</returns>
    /// <exception cref="HaloDbException">It did not succeed: <see cref="HaloDbException.BatchCommandIndex"/> says which command failed, <see cref="HaloDbException.Executed"/> whether anything is left.</exception>
    public override async Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default)
    {
        return BatchRows.AffectedOf(await RunAsync(static (_, _) => false, cancellationToken));
    }

    /// <inheritdoc cref="ExecuteScalarAsync"/>
    public override object? ExecuteScalar() => Blocking.Wait(() => ExecuteScalarAsync(default));

    /// <summary>Runs it for the first value of the first row of the first command that gives rows; all of it is committed then.</summary>
    /// <returns>Null: there is no row.</returns>
    /// <exception cref="HaloDbException">It did not succeed.</exception>
    public override async Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default)
    {
        await using var reader = await ReadAsync(CommandBehavior.Default, cancellationToken);
        return await reader.ReadAsync(cancellationToken) && reader.FieldCount > 0 ? reader.GetValue(0) : null;
    }

    /// <summary>Runs it for the rows of its commands, in their order; all of it is committed then.</summary>
    public new HaloDbDataReader ExecuteReader(CommandBehavior behavior = CommandBehavior.Default) => Blocking.Wait(() => ReadAsync(behavior, default));

    /// <inheritdoc cref="ExecuteReader"/>
    public new Task<HaloDbDataReader> ExecuteReaderAsync(CancellationToken cancellationToken = default) => ReadAsync(CommandBehavior.Default, cancellationToken);

    /// <inheritdoc cref="ExecuteReader"/>
    public new Task<HaloDbDataReader> ExecuteReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken = default) => ReadAsync(behavior, cancellationToken);

    /// <inheritdoc/>
    protected override DbBatchCommand CreateDbBatchCommand() => new HaloDbBatchCommand();

    /// <inheritdoc/>
    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => ExecuteReader(behavior);

    /// <inheritdoc/>
    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => await ReadAsync(behavior, cancellationToken);

    async Task<HaloDbDataReader> ReadAsync(CommandBehavior behavior, CancellationToken token)
    {
        if (behavior.HasFlag(CommandBehavior.SchemaOnly))
            throw new NotSupportedException("The columns of a batch are not known before it runs.");
        var connection = Ready();
        var results = await RunAsync(static (command, asked) => command.ReturnsRows ?? Statements.GivesRows(asked), token);
        return await HaloDbDataReader.OfAsync(BatchRows.Of(results), BatchRows.AffectedOf(results), connection, behavior);
    }

    async Task<IReadOnlyList<QueryResult>> RunAsync(Func<HaloDbBatchCommand, QueryCommand, bool> areRowsWanted, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var connection = Ready();
        var commands = BatchCommands.All.ToList();
        var asked = new HaloBatch { Isolation = BatchRows.LevelOf(IsolationLevel) };
        foreach (var command in commands)
        {
            command.Affected = -1;
            var one = ContractCommand.Of(command.CommandText, command.CommandType, command.Parameters);
            asked.Add(one, areRowsWanted(command, one) ? ExecutionMode.Reader : ExecutionMode.NonQuery);
        }
        var options = connection.Options(Timeout) with { IdempotencyKey = IdempotencyKey };
        var (shared, site) = (connection.Shared, connection.Practice);
        using var run = _running = new();
        var results = await run.DoAsync((site, asked, options), static async (call, stop) => await call.site.RunAsync(call.asked, call.options, stop), e => shared.Failed(e, commands), token);
        for (var i = 0; i < commands.Count; i++)
        {
            commands[i].Affected = (int)Math.Clamp(results.RowsAffected(i), -1, int.MaxValue);
            await OutputValues.SetAsync(commands[i].Parameters, results.Query.Results![i].Parameters);
        }
        return results.Query.Results!;
    }

    HaloDbConnection Ready()
    {
        if (_connection is null)
            throw new InvalidOperationException("The batch has no connection.");
        _ = _connection.Shared;
        return BatchCommands.Count > 0 ? _connection : throw new InvalidOperationException("The batch has no command.");
    }
}
