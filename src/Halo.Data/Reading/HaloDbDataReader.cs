using System.Collections;
using System.Collections.ObjectModel;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Halo.Client;
using Halo.Client.Rows;
using Halo.Contracts.Queries;
using Halo.Data.Commands;
using Halo.Data.Connections;
using Halo.Data.Reading;

namespace Halo.Data;

/// <summary>Rows of a command or a batch. It ends in order only where all rows were there; who closes it before its end cancels the query.</summary>
/// <remarks>
/// A value that the asked type does not hold whole is an <see cref="InvalidCastException"/>, never another value; <see cref="GetString"/> gives each as the service
/// wrote it, with all its digits. One row is in memory at a time, with all of its values. Who takes no row for 30 s is cut off.
/// </remarks>
public sealed partial class HaloDbDataReader : DbDataReader, IDbColumnSchemaGenerator
{
    const string BrokenOff = "The rows broke off before their end, as was said; there are no more to be had from this reader.";

    readonly HaloDbConnection? _connection;
    readonly CommandBehavior _behavior;
    readonly CommandRun _run;
    readonly SharedSite? _shared;

    /// <summary>Where it may have given more results than the first, and can be asked; null: it gave one.</summary>
    readonly HaloSite? _site;
    readonly Queue<(QueryResult Result, IReadOnlyList<ResultColumn> Columns)> _next = [];

    RowSource _source = null!;
    Field[] _fields = [];
    Dictionary<string, int>? _ordinals;
    int _affected = -1;
    bool _isBroken, _hasRows, _isPeeked, _isOnRow, _isAtEnd;
    int _closed;

    HaloDbDataReader(HaloDbConnection? connection, CommandBehavior behavior, CommandRun run, SharedSite? shared, HaloSite? site)
    {
        (_connection, _behavior, _run, _shared, _site) = (connection, behavior, run, shared, site);
        connection?.Add(this);
    }

    /// <inheritdoc/>
    public override int Depth => 0;

    /// <inheritdoc/>
    public override int FieldCount => Open._fields.Length;

    /// <inheritdoc/>
    public override bool HasRows => Open._hasRows;

    /// <inheritdoc/>
    public override bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Rows that were changed, where the command says so by its words: of one that gives rows of what it changed, as many as were read to its end. Else -1.</summary>
    public override int RecordsAffected => _affected;

    /// <summary>Whether each of its rows is one that was changed.</summary>
    internal bool CountsRows { get; init; }

    /// <summary>The query at the service, where the rows come as they are read.</summary>
    public Guid? QueryId => (_source as LiveSource)?.QueryId;

    /// <inheritdoc/>
    public override object this[int ordinal] => GetValue(ordinal);

    /// <inheritdoc/>
    public override object this[string name] => GetValue(GetOrdinal(name));

    bool WantsOneResult => (_behavior & (CommandBehavior.SingleResult | CommandBehavior.SingleRow)) != 0;

    static NotSupportedException Dropped(int results) =>
        new($"The command gave {results} results, and its reader has the first alone. Send each statement as a command of a batch (connection.CreateBatch()).");

    HaloDbDataReader Open => IsClosed ? throw new InvalidOperationException("The reader is closed.") : this;

    internal static async Task<HaloDbDataReader> OfAsync(
        RowSource source, HaloDbConnection? connection = null, CommandBehavior behavior = default, CommandRun? run = null, SharedSite? shared = null, HaloSite? site = null, bool countsRows = false,
        CancellationToken token = default)
    {
        var reader = new HaloDbDataReader(connection, behavior, run ?? new(), shared, site) { CountsRows = countsRows };
        try
        {
            await reader.BeginAsync(source, token);
            return reader;
        }
        catch
        {
            await reader.CloseAsync();
            throw;
        }
    }

    internal static async Task<HaloDbDataReader> OfAsync(Queue<(QueryResult Result, IReadOnlyList<ResultColumn> Columns)> results, int affected, HaloDbConnection connection, CommandBehavior behavior)
    {
        var first = results.TryDequeue(out var found) ? new StoredSource(found.Result, found.Columns) : StoredSource.Empty();
        var reader = await OfAsync(first, connection, behavior);
        reader._affected = affected;
        while (results.TryDequeue(out var next))
            reader._next.Enqueue(next);
        return reader;
    }

    /// <inheritdoc/>
    public override bool Read() => Blocking.Wait(this, static r => r.NextAsync(default));

    /// <inheritdoc/>
    public override Task<bool> ReadAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled<bool>(cancellationToken) : NextAsync(cancellationToken).AsTask();

    /// <inheritdoc/>
    public override bool NextResult() => Blocking.Wait(() => NextResultAsync(default));

    /// <summary>Goes on to the next result of a batch. A single command gives its first result alone.</summary>
    /// <exception cref="NotSupportedException">A text of several statements gave more results; send them as the commands of a batch.</exception>
    public override async Task<bool> NextResultAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = Open;
        if (_isBroken)
            throw new InvalidOperationException(BrokenOff);
        if (_source is StoredSource { Results: > 1 } stored && !WantsOneResult)
            throw Dropped(stored.Results);
        if (_next.TryDequeue(out var next))
        {
            await _source.DisposeAsync();
            await BeginAsync(new StoredSource(next.Result, next.Columns), cancellationToken);
            return true;
        }
        if (_site is not null && _source is LiveSource { QueryId: { } id } && !_behavior.HasFlag(CommandBehavior.SchemaOnly) && !WantsOneResult)
        {
            while (await NextAsync(cancellationToken))
            {
                // How many results there were is known at its end.
            }
            var query = await _run.DoAsync((_site, id), static (asked, stop) => new ValueTask<Query>(asked._site.Resume(asked.id).GetAsync(stop)), Failed, cancellationToken);
            if (query.Result?.ResultSets is > 1 and var results)
                throw Dropped(results);
        }
        (_isAtEnd, _isOnRow, _isPeeked, _hasRows, _fields, _ordinals) = (true, false, false, false, [], null);
        return false;
    }

    /// <inheritdoc/>
    public override void Close() => Blocking.Wait(CloseAsync);

    /// <inheritdoc/>
    public override async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
            return;
        _isOnRow = false;
        _next.Clear();
        if (_source is not null)
            await _source.DisposeAsync();
        _run.Dispose();
        _connection?.Remove(this);
        if (_behavior.HasFlag(CommandBehavior.CloseConnection) && _connection is not null)
            await _connection.CloseAsync();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Close();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    public override string GetName(int ordinal) => FieldAt(ordinal).Column.Name;

    /// <summary>The database's own name of the type; empty for SQLite's expressions, which have none.</summary>
    public override string GetDataTypeName(int ordinal) => FieldAt(ordinal).Column.DatabaseType;

    /// <summary>What <see cref="GetValue"/> gives. SQLite's expressions have no type: there the first row's value says it, and where that is NULL it is object.</summary>
    [return: DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.PublicProperties)]
    public override Type GetFieldType(int ordinal) => FieldAt(ordinal).Type;

    /// <summary>A column's place by its name, by case first and then without.</summary>
    /// <exception cref="IndexOutOfRangeException">There is none.</exception>
    public override int GetOrdinal(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        _ = Open;
        if (_ordinals is null)
        {
            var made = new Dictionary<string, int>(2 * _fields.Length, StringComparer.Ordinal);
            for (var i = 0; i < _fields.Length; i++)
                made.TryAdd(_fields[i].Column.Name, i);
            _ordinals = made;
        }
        if (_ordinals.TryGetValue(name, out var found))
            return found;
        var close = Array.FindIndex(_fields, f => f.Column.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return close >= 0 ? close : throw new IndexOutOfRangeException($"There is no column {name}. The columns are {string.Join(", ", _fields.Select(f => f.Column.Name))}.");
    }

    /// <summary>The columns. Sizes are not said there: what fills a table by them would take them for limits.</summary>
    /// <returns>Null: the command gave no rows.</returns>
    public override DataTable? GetSchemaTable() => FieldCount == 0 ? null : ColumnSchema.TableOf(_fields);

    /// <summary>The columns, as far as the database describes those of a result.</summary>
    public ReadOnlyCollection<DbColumn> GetColumnSchema() => ColumnSchema.ListOf(Open._fields);

    /// <inheritdoc/>
    public override Task<ReadOnlyCollection<DbColumn>> GetColumnSchemaAsync(CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled<ReadOnlyCollection<DbColumn>>(cancellationToken) : Task.FromResult(GetColumnSchema());

    /// <inheritdoc/>
    public override IEnumerator GetEnumerator() => new DbEnumerator(Open, closeReader: false);

    async Task BeginAsync(RowSource source, CancellationToken token)
    {
        _source = source;
        // Values of the result before are not this one's.
        Forget();
        (_isOnRow, _isPeeked, _ordinals) = (false, false, null);
        _hasRows = await ReadSourceAsync(token);
        var columns = source.Columns;
        if (_hasRows && source.Row.Names.Length != columns.Count)
            throw new InvalidDataException("A row has not as many values as the result has columns.");
        _fields = [.. columns.Select((c, i) => new Field(c, _hasRows ? Field.FirstOf(source.Row, i) : FirstValue.None))];
        if (_behavior.HasFlag(CommandBehavior.SchemaOnly))
        {
            await source.DisposeAsync();
            (_hasRows, _isAtEnd) = (false, true);
            return;
        }
        (_isPeeked, _isAtEnd) = (true, !_hasRows);
        if (!_hasRows && CountsRows && _fields.Length > 0)
            _affected = 0;
    }

    ValueTask<bool> NextAsync(CancellationToken token)
    {
        _ = Open;
        if (_isAtEnd)
        {
            _isOnRow = _isPeeked = false;
            return new(false);
        }
        if (_isPeeked)
        {
            (_isPeeked, _isOnRow) = (false, true);
            return new(true);
        }
        var hadRow = _isOnRow;
        _isOnRow = false;
        Forget();
        return hadRow && _behavior.HasFlag(CommandBehavior.SingleRow) ? EndAsync() : FinishAsync(ReadSourceAsync(token));
    }

    /// <summary>One row was asked for: the rest is not read.</summary>
    async ValueTask<bool> EndAsync()
    {
        _isAtEnd = true;
        await _source.DisposeAsync();
        return false;
    }

    ValueTask<bool> FinishAsync(ValueTask<bool> read)
    {
        if (!read.IsCompletedSuccessfully)
            return Slowly(read);
        Came(read.Result);
        return new(_isOnRow);

        async ValueTask<bool> Slowly(ValueTask<bool> coming)
        {
            Came(await coming);
            return _isOnRow;
        }
    }

    void Came(bool isThere)
    {
        (_isOnRow, _isAtEnd) = (isThere, !isThere);
        if (!isThere && CountsRows && _fields.Length > 0)
            _affected = (int)Math.Min(_source.Row.Number, int.MaxValue);
    }

    ValueTask<bool> ReadSourceAsync(CancellationToken token)
    {
        if (_isBroken)
            throw new InvalidOperationException(BrokenOff);
        // Most rows have come with one before.
        var next = _source.ReadAsync(_run.Token);
        return next.IsCompletedSuccessfully ? next : WaitAsync(next, token);
    }

    async ValueTask<bool> WaitAsync(ValueTask<bool> next, CancellationToken token)
    {
        try
        {
            return await _run.WaitAsync(next, Failed, token);
        }
        catch (Exception e) when (_source is StoredSource && e is IOException or JsonException or InvalidDataException)
        {
            _isBroken = true;
            throw new HaloDbException("The command was executed, and its answer is not whole.", e) { Executed = Executed.Yes, Code = HaloExceptionCodes.RowsBroken };
        }
        catch
        {
            _isBroken = true;
            throw;
        }
    }

    HaloDbException Failed(HaloException failure) => _shared?.Failed(failure) ?? new HaloDbException(failure);

    Field FieldAt(int ordinal) => Open._fields is var fields && (uint)ordinal < (uint)fields.Length
        ? fields[ordinal]
        : throw new IndexOutOfRangeException($"The result has {fields.Length} columns, and none is at {ordinal}.");
}
