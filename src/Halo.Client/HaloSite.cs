using System.Diagnostics.CodeAnalysis;
using Halo.Client.Calls;
using Halo.Client.Rows;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Client;

/// <summary>One practice's database.</summary>
/// <remarks>
/// <para>Rows become the type that is asked for: records and classes by the names of their columns, without case and underscores (<c>date_of_birth</c> is
/// <c>DateOfBirth</c>); tuples by their order; a simple type where there is one column; <see cref="System.Text.Json.JsonElement"/>; and dictionaries of string to
/// object, string or JsonElement. What a type cannot hold whole is a <see cref="HaloMappingException"/>, never another value.</para>
/// <para>What may write has an idempotency key of its own, so that it is repeated safely where its answer was lost. What only reads has none: a caller that
/// cancels then stops it at the practice, and it is repeated only where nothing of it ran, unless <see cref="HaloQueryOptions.IsRepeatable"/> says more. A write is
/// stopped at the practice too when its caller cancels, where it has not ended by then (<see cref="HaloCanceledException"/>); not a stream of rows that has begun, and
/// nothing that has a key of your own, since another process may wait for that.</para>
/// </remarks>
public sealed class HaloSite
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    readonly SiteCalls _calls;

    internal HaloSite(ApiCalls calls, Guid id, Site? info) => (_calls, Id, Info) = (new(calls, id), id, info);

    internal SiteCalls Calls => _calls;

    /// <summary>The Halo GUID.</summary>
    public Guid Id { get; }

    /// <summary>What the service said of it; null where it was not asked.</summary>
    public Site? Info { get; }

    /// <summary>Runs a query and gives all of its rows: at most 8 MiB of JSON (a setting of the service). For more, <see cref="StreamAsync{T}(FormattableString, HaloQueryOptions?, CancellationToken)"/>.</summary>
    /// <exception cref="HaloException">It did not succeed.</exception>
    /// <exception cref="HaloMappingException">The rows do not fit <typeparamref name="T"/>.</exception>
    public Task<List<T>> QueryAsync<[DynamicallyAccessedMembers(Needed)] T>(FormattableString sql, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        QueryAsync<T>(HaloCommand.Sql(sql), options, cancellationToken);

    /// <inheritdoc cref="QueryAsync{T}(FormattableString, HaloQueryOptions?, CancellationToken)"/>
    public async Task<List<T>> QueryAsync<[DynamicallyAccessedMembers(Needed)] T>(HaloCommand command, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        var query = await RunAsync(command, ExecutionMode.Reader, options, cancellationToken);
        return await RowStreams.OfAsync<T>(query.Result!, cancellationToken);
    }

    /// <summary>The first value of the first row.</summary>
    /// <exception cref="HaloException">It did not succeed.</exception>
    /// <exception cref="HaloMappingException">The value does not fit <typeparamref name="T"/>: also where there is no row, or NULL, and it is not nullable.</exception>
    public Task<T?> ScalarAsync<[DynamicallyAccessedMembers(Needed)] T>(FormattableString sql, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        ScalarAsync<T>(HaloCommand.Sql(sql), options, cancellationToken);

    /// <inheritdoc cref="ScalarAsync{T}(FormattableString, HaloQueryOptions?, CancellationToken)"/>
    public async Task<T?> ScalarAsync<[DynamicallyAccessedMembers(Needed)] T>(HaloCommand command, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        var query = await RunAsync(command, ExecutionMode.Scalar, options, cancellationToken);
        var rows = await RowStreams.OfAsync<T>(query.Result!, cancellationToken);
        return rows is [var value] ? value
            : default(T) is null ? default
            : throw new HaloMappingException($"The query gave no row, and {typeof(T).Name} holds no NULL.");
    }

    /// <summary>Runs a command that gives no rows.</summary>
    /// <returns>How many rows it changed, over all its statements; -1 where the database gives no number.</returns>
    /// <exception cref="HaloException">It did not succeed, or its fate is not known (<see cref="HaloException.Executed"/>).</exception>
    public Task<long> ExecuteAsync(FormattableString sql, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        ExecuteAsync(HaloCommand.Sql(sql), options, cancellationToken);

    /// <inheritdoc cref="ExecuteAsync(FormattableString, HaloQueryOptions?, CancellationToken)"/>
    public async Task<long> ExecuteAsync(HaloCommand command, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        (await RunAsync(command, ExecutionMode.NonQuery, options, cancellationToken)).Result?.RowsAffected ?? -1;

    /// <summary>
    /// Runs a query and gives its rows as they come, however many there are: one is in memory at a time, and the database is read no faster than the rows are taken.
    /// It ends in order only where all rows were there. Who stops before cancels the query; who takes nothing for 30 s is cut off.
    /// </summary>
    /// <exception cref="HaloException">It did not succeed, or the rows broke off (code <c>RowsBroken</c>).</exception>
    /// <exception cref="HaloMappingException">The rows do not fit <typeparamref name="T"/>.</exception>
    public IAsyncEnumerable<T> StreamAsync<[DynamicallyAccessedMembers(Needed)] T>(FormattableString sql, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        StreamAsync<T>(HaloCommand.Sql(sql), options, cancellationToken);

    /// <inheritdoc cref="StreamAsync{T}(FormattableString, HaloQueryOptions?, CancellationToken)"/>
    public IAsyncEnumerable<T> StreamAsync<[DynamicallyAccessedMembers(Needed)] T>(HaloCommand command, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return RowStreams.StreamAsync<T>(_calls, command.Command, options, cancellationToken);
    }

    /// <summary>Runs an immediate query and gives it as the service shows it: with columns, output parameters, notices and durations, its rows in base64.</summary>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public Task<Query> RunAsync(HaloCommand command, ExecutionMode mode, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return _calls.RunAsync(command.Command with { ExecutionMode = mode }, options, cancellationToken);
    }

    /// <summary>
    /// The columns and parameters of a command, as the database says without running it. A text names its parameters (<c>@id</c>), which need no values; the database
    /// says their types where it can, and those that are given one have it. Of <paramref name="options"/> the timeout, the catalogue and the time in the queue count.
    /// </summary>
    /// <exception cref="HaloException">The database refused the command, or could not be asked. Nothing ran.</exception>
    public Task<CommandDescription> DescribeAsync(HaloCommand command, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return _calls.DescribeAsync(command.Command, options, cancellationToken);
    }

    /// <summary>
    /// Tables, views, keys, indexes and procedures of the site's database, as far as your login there may see them. The service keeps what was read last and answers with
    /// that, also while the site is away; <see cref="DatabaseSchema.ReadAt"/> says when it was read.
    /// </summary>
    /// <param name="catalogue">One of the site's databases; null: its default.</param>
    /// <param name="refresh">Whether it is read now, at the practice.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    /// <exception cref="HaloException">It had to be read and could not be.</exception>
    public Task<DatabaseSchema> SchemaAsync(string? catalogue = null, bool refresh = false, CancellationToken cancellationToken = default) =>
        _calls.SchemaAsync(catalogue, refresh, cancellationToken);

    /// <summary>
    /// Runs a batch: all of it takes effect, or nothing. It has an idempotency key of its own, so that it is repeated safely where its answer was lost.
    /// <see cref="HaloQueryOptions.Timeout"/> is each command's; all together have the service's limit.
    /// </summary>
    /// <exception cref="HaloException">It did not succeed: <see cref="HaloException.Executed"/> says whether anything is left, <c>ErrorDetails.Index</c> of its query which command failed.</exception>
    public async Task<HaloBatchResults> RunAsync(HaloBatch batch, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return new(await _calls.RunAsync(batch.ToRequest(), needsKey: true, options, cancellationToken));
    }

    /// <summary>Queues an async query: it waits for its site, runs for up to five minutes, and its result is kept in pages for 24 hours.</summary>
    /// <returns>A handle on it. Save its <see cref="HaloQuery.Id"/> to go on in another process, by <see cref="Resume"/>.</returns>
    /// <exception cref="HaloException">It was not taken.</exception>
    public Task<HaloQuery> QueueAsync(FormattableString sql, HaloQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        QueueAsync(HaloCommand.Sql(sql), ExecutionMode.Reader, options, cancellationToken);

    /// <inheritdoc cref="QueueAsync(FormattableString, HaloQueryOptions?, CancellationToken)"/>
    public async Task<HaloQuery> QueueAsync(HaloCommand command, ExecutionMode mode = ExecutionMode.Reader, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return new(_calls, (await _calls.QueueAsync(command.Command with { ExecutionMode = mode }, options, cancellationToken)).Id, Id);
    }

    /// <summary>A handle on a query that was queued before, here or in another process. Nothing is asked yet.</summary>
    public HaloQuery Resume(Guid queryId) => new(_calls, queryId, Id);
}
