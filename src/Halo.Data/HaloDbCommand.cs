using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Halo.Client;
using Halo.Client.Calls;
using Halo.Client.Commands;
using Halo.Client.Rows;
using Halo.Contracts.Queries;
using Halo.Data.Commands;
using Halo.Data.Connections;
using Halo.Data.Reading;
using CommandType = System.Data.CommandType;

namespace Halo.Data;

/// <summary>SQL, or a procedure's name, with its parameters, for a practice's database.</summary>
/// <remarks>What may write carries an idempotency key, so that it is repeated safely where its answer was lost; it is never executed twice.</remarks>
public sealed class HaloDbCommand : DbCommand
{
    HaloDbConnection? _connection;
    int? _timeout;
    volatile CommandRun? _running;

    /// <summary>Creates a command.</summary>
    public HaloDbCommand()
    {
    }

    /// <summary>Creates a command with its text.</summary>
    public HaloDbCommand(string? commandText) => CommandText = commandText;

    /// <summary>Creates a command of a connection.</summary>
    public HaloDbCommand(string? commandText, HaloDbConnection? connection) => (CommandText, _connection) = (commandText, connection);

    /// <summary>
    /// SQL in the words of the practice's database, or a procedure's name. Parameters stand in it by name (<c>@id</c>); those that have no name take the places of
    /// <c>?</c>, or of <c>$1</c>, <c>$2</c>, in their order.
    /// </summary>
    [AllowNull]
    public override string CommandText { get; set => field = value ?? ""; } = "";

    /// <summary>Seconds that it may execute, over all of its rows; 0, and more than the service lets anybody have: as long as that. Default: the connection string's, or 30.</summary>
    public override int CommandTimeout
    {
        get => _timeout ?? _connection?.Settings.CommandTimeout ?? 30;
        set => _timeout = ContractCommand.CheckedTimeout(value);
    }

    /// <summary>SQL text or a stored procedure.</summary>
    public override CommandType CommandType { get; set => field = ContractCommand.Checked(value); } = CommandType.Text;

    /// <inheritdoc/>
    public override bool DesignTimeVisible { get; set; }

    /// <inheritdoc/>
    public override UpdateRowSource UpdatedRowSource { get; set; } = UpdateRowSource.Both;

    /// <summary>A key of your own, 1 to 128 characters: within 24 hours the same command with it is not executed again. Null: what may write gets one.</summary>
    public string? IdempotencyKey { get; set; }

    /// <summary>Says that executing it twice does no harm, so that a reading command is sent again also where its answer was lost.</summary>
    public bool IsRepeatable { get; set; }

    /// <summary>Its connection.</summary>
    public new HaloDbConnection? Connection { get => _connection; set => _connection = value; }

    /// <summary>Its parameters.</summary>
    public new HaloDbParameterCollection Parameters { get; } = new();

    /// <inheritdoc/>
    protected override DbConnection? DbConnection
    {
        get => _connection;
        set => _connection = value is null or HaloDbConnection ? (HaloDbConnection?)value : throw new InvalidCastException($"The command takes a {nameof(HaloDbConnection)}, and not {value.GetType().Name}.");
    }

    /// <inheritdoc/>
    protected override DbParameterCollection DbParameterCollection => Parameters;

    /// <summary>Always null: Halo holds no transaction open. See <see cref="HaloDbBatch"/>.</summary>
    protected override DbTransaction? DbTransaction
    {
        get => null;
        set
        {
            if (value is not null)
                throw new NotSupportedException(HaloDbConnection.NoTransactions);
        }
    }

    /// <summary>Asks for what runs to be stopped at the practice; whoever waits for it gets a <see cref="HaloDbException"/>. From any thread.</summary>
    public override void Cancel() => _running?.Cancel();

    /// <summary>Does nothing: the practice's Halo Link prepares what it wants to.</summary>
    public override void Prepare() => Ready();

    /// <summary>A parameter, not added yet.</summary>
    [SuppressMessage("Performance", "CA1822", Justification = "It takes the place of ADO.NET's own.")]
    public new HaloDbParameter CreateParameter() => new();

    /// <inheritdoc cref="ExecuteNonQueryAsync"/>
    public override int ExecuteNonQuery() => Blocking.Wait(() => ExecuteNonQueryAsync(default));

    /// <summary>Runs it without reading rows.</summary>
    /// <returns>How many rows it changed, over all its statements; -1 where the database gives no number.</returns>
    /// <exception cref="HaloDbException">It did not succeed, or its fate is not known (<see cref="HaloDbException.Executed"/>).</exception>
    public override async Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken)
    {
        if (Ready() is { Split: { } statements } ready)
            return BatchRows.AffectedOf(await RunAsync(ready.Connection, statements, static _ => false, cancellationToken));
        var query = await RunAsync(ExecutionMode.NonQuery, cancellationToken);
        return (int)Math.Clamp(query.Result?.RowsAffected ?? -1, -1, int.MaxValue);
    }

    /// <inheritdoc cref="ExecuteScalarAsync"/>
    public override object? ExecuteScalar() => Blocking.Wait(() => ExecuteScalarAsync(default));

    /// <summary>Runs it for the first value of its first row.</summary>
    /// <returns>Null: there is no row. <see cref="DBNull.Value"/>: it is NULL.</returns>
    /// <exception cref="HaloDbException">It did not succeed.</exception>
    /// <exception cref="InvalidCastException">.NET's type does not hold the value whole; the command was executed.</exception>
    public override async Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken)
    {
        await using var reader = Ready().Split is not null ? await ReadAsync(CommandBehavior.Default, cancellationToken) : await ScalarAsync();
        return await reader.ReadAsync(cancellationToken) && reader.FieldCount > 0 ? reader.GetValue(0) : null;

        async Task<HaloDbDataReader> ScalarAsync()
        {
            var query = await RunAsync(ExecutionMode.Scalar, cancellationToken);
            return await HaloDbDataReader.OfAsync(new StoredSource(query.Result!, query.Result!.Columns ?? []), token: cancellationToken);
        }
    }

    /// <summary>Runs it for its rows, which are read as they come: one is in memory at a time.</summary>
    public new HaloDbDataReader ExecuteReader() => ExecuteReader(CommandBehavior.Default);

    /// <inheritdoc cref="ExecuteReader()"/>
    public new HaloDbDataReader ExecuteReader(CommandBehavior behavior) => Blocking.Wait(() => ReadAsync(behavior, default));

    /// <inheritdoc cref="ExecuteReader()"/>
    public new Task<HaloDbDataReader> ExecuteReaderAsync(CancellationToken cancellationToken = default) => ReadAsync(CommandBehavior.Default, cancellationToken);

    /// <inheritdoc cref="ExecuteReader()"/>
    public new Task<HaloDbDataReader> ExecuteReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken = default) => ReadAsync(behavior, cancellationToken);

    /// <inheritdoc/>
    protected override DbParameter CreateDbParameter() => CreateParameter();

    /// <inheritdoc/>
    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => ExecuteReader(behavior);

    /// <inheritdoc/>
    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => await ReadAsync(behavior, cancellationToken);

    async Task<Query> RunAsync(ExecutionMode mode, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var (connection, command, _) = Ready();
        var site = connection.Practice;
        using var run = Begin();
        var query = await run.DoAsync((site, command: command with { ExecutionMode = mode }, options: Options(connection)),
            static (asked, stop) => new ValueTask<Query>(asked.site.Calls.RunAsync(asked.command, asked.options, stop)), e => connection.Shared.Failed(e), token);
        await OutputValues.SetAsync(Parameters, query.Result?.Parameters);
        return query;
    }

    async Task<HaloDbDataReader> ReadAsync(CommandBehavior behavior, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var (connection, command, split) = Ready();
        if (behavior.HasFlag(CommandBehavior.SchemaOnly) && !ReadingText.Reads(command))
            throw new NotSupportedException("The columns of a command that may write are not known before it runs.");
        if (split is not null)
        {
            var results = await RunAsync(connection, split, Statements.GivesRows, token);
            return await HaloDbDataReader.OfAsync(BatchRows.Of(results), BatchRows.AffectedOf(results), connection, behavior);
        }
        if (ContractCommand.HasOutputs(Parameters))
        {
            var query = await RunAsync(ExecutionMode.Reader, token);
            return await HaloDbDataReader.OfAsync(new StoredSource(query.Result!, query.Result!.Columns ?? []), connection, behavior, token: token);
        }
        if (!Statements.GivesRows(command))
        {
            // As an adapter has it: how many rows were changed is what it asks for.
            var query = await RunAsync(ExecutionMode.NonQuery, token);
            return await HaloDbDataReader.OfAsync([], BatchRows.AffectedOf(query.Result is { } result ? [result] : []), connection, behavior);
        }
        var (shared, site, options) = (connection.Shared, connection.Practice, Options(connection));
        var run = Begin();
        try
        {
            var rows = await run.DoAsync((site, command, options),
                static (asked, stop) => new ValueTask<LiveRows>(LiveRows.OpenAsync(asked.site.Calls, asked.command, asked.options, SiteCalls.TableType, stop)), e => shared.Failed(e), token);
            return await HaloDbDataReader.OfAsync(new LiveSource(rows), connection, behavior, run, shared, Statements.MayGiveSeveral(command) ? site : null, Statements.IsChange(command), token);
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Several statements as one batch.</summary>
    async Task<IReadOnlyList<QueryResult>> RunAsync(HaloDbConnection connection, List<QueryCommand> statements, Func<QueryCommand, bool> areRowsWanted, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        var asked = new HaloBatch();
        foreach (var statement in statements)
            asked.Add(statement, areRowsWanted(statement) ? ExecutionMode.Reader : ExecutionMode.NonQuery);
        using var run = Begin();
        var results = await run.DoAsync((site: connection.Practice, asked, options: Options(connection)),
            static async (call, stop) => await call.site.RunAsync(call.asked, call.options, stop), e => connection.Shared.Failed(e), token);
        return results.Query.Results!;
    }

    (HaloDbConnection Connection, QueryCommand Command, List<QueryCommand>? Split) Ready()
    {
        if (_connection is null)
            throw new InvalidOperationException("The command has no connection.");
        _ = _connection.Shared;
        var command = ContractCommand.Of(CommandText, CommandType, Parameters);
        if (!_connection.Settings.SplitStatements || CommandType != CommandType.Text || ContractCommand.HasOutputs(Parameters))
            return (_connection, command, null);
        var statements = Statements.Of(command);
        return (_connection, command, statements.Count > 1 ? statements : null);
    }

    CommandRun Begin() => _running = new();

    HaloQueryOptions Options(HaloDbConnection connection) => connection.Options(CommandTimeout) with { IdempotencyKey = IdempotencyKey, IsRepeatable = IsRepeatable };
}
