using System.Globalization;
using System.Net;
using System.Text.Json;
using Halo.Client.Commands;
using Halo.Client.Rows;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Client.Calls;

/// <summary>The calls about queries of one site.</summary>
sealed class SiteCalls(ApiCalls calls, Guid site)
{
    /// <summary>Rows by themselves; with the columns before them.</summary>
    public const string RowsType = "application/vnd.halo.rows+json", TableType = "application/vnd.halo.table+json";

    /// <summary>How long a caller who cancelled is kept for the word to the practice.</summary>
    static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(2), ArrivedAfter = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest that one request may wait for the end of a query.</summary>
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    public ApiCalls Calls => calls;

    /// <summary>Runs an immediate query to its end.</summary>
    /// <returns>The query, successful; its rows, where it has any, among it.</returns>
    public Task<Query> RunAsync(QueryCommand command, HaloQueryOptions? options, CancellationToken stop) =>
        RunAsync(new QueryRequest { Command = command }, !ReadingText.Reads(command), options, stop);

    /// <inheritdoc cref="RunAsync(QueryCommand, HaloQueryOptions?, CancellationToken)"/>
    /// <param name="needsKey">Whether it has an idempotency key also where none is given.</param>
    public async Task<Query> RunAsync(QueryRequest asked, bool needsKey, HaloQueryOptions? options, CancellationToken stop)
    {
        // From here on something may have been sent.
        stop.ThrowIfCancellationRequested();
        var request = new QueryRequests(calls, site, "immediate", asked, options, null, needsKey);
        using var activity = Telemetry.Begin("halo.query", site);
        try
        {
            Query query;
            try
            {
                query = await calls.JsonAsync(request.Repeats, request.Make, HaloJson.Default.Query, stop, request.Longer);
            }
            catch (HaloException e) when (e is { Status: HttpStatusCode.GatewayTimeout, Query: { CompletedAt: null } running })
            {
                query = await FateAsync(running, e, stop);
            }
            if (query.Status != QueryStatus.Successful)
                throw Failures.Of(query);
            if ((query.Results ?? (query.Result is { } one ? [one] : [])).Any(r => r is { RowsAffected: null, Data: null }))
                throw RowsNotKept(query);
            activity?.SetTag("halo.query.id", query.Id);
            return query;
        }
        catch (HaloException e)
        {
            Telemetry.Failed(activity, e);
            throw e.With(request.Key);
        }
        catch (OperationCanceledException e) when (request.Key is { } key && stop.IsCancellationRequested)
        {
            throw await StopAsync(key, request.IsCallersKey, e, stop);
        }
    }

    /// <summary>Has a command described. It executes nothing, so it is repeated whatever happens on the way.</summary>
    public async Task<CommandDescription> DescribeAsync(QueryCommand command, HaloQueryOptions? options, CancellationToken stop)
    {
        var request = new QueryRequests(calls, site, "describe", new() { Command = command }, options is null ? null : options with { IdempotencyKey = null }, null, needsKey: false);
        using var activity = Telemetry.Begin("halo.describe", site);
        try
        {
            return await calls.JsonAsync(Repeats.ExecutesNothing, request.Make, HaloJson.Default.CommandDescription, stop, request.Longer);
        }
        catch (HaloException e)
        {
            Telemetry.Failed(activity, e);
            throw;
        }
    }

    /// <summary>What the site's database has.</summary>
    public async Task<DatabaseSchema> SchemaAsync(string? catalogue, bool refresh, CancellationToken stop)
    {
        var path = $"integrator/sites/{site}/schema?refresh={(refresh ? "true" : "false")}{(catalogue is null ? "" : $"&catalogue={Uri.EscapeDataString(catalogue)}")}";
        using var activity = Telemetry.Begin("halo.schema", site);
        try
        {
            return await calls.JsonAsync(Repeats.ExecutesNothing, () => calls.Request(HttpMethod.Get, path), HaloJson.Default.DatabaseSchema, stop);
        }
        catch (HaloException e)
        {
            Telemetry.Failed(activity, e);
            throw;
        }
    }

    /// <summary>Begins an immediate query whose rows are read as they come, in one of the two forms.</summary>
    public async Task<HttpResponseMessage> OpenRowsAsync(QueryCommand command, HaloQueryOptions? options, string form, CancellationToken stop)
    {
        // From here on something may have been sent.
        stop.ThrowIfCancellationRequested();
        var request = new QueryRequests(calls, site, "immediate", new() { Command = command }, options, form, !ReadingText.Reads(command));
        using var activity = Telemetry.Begin("halo.stream", site);
        try
        {
            return await calls.SendAsync(request.Repeats, request.Make, (response, _) =>
            {
                if (response.Content.Headers.ContentType?.MediaType == form)
                    return Task.FromResult(response);
                using (response)
                    throw response.Headers.Contains("Halo-Replayed")
                        ? new HaloException("This key's query was executed before, and its rows are not kept.") { Code = HaloExceptionCodes.RowsNotKept, Executed = Executed.Yes, Status = response.StatusCode }
                        : Failures.Of(response, [], calls.Options.TimeProvider);
            }, stop, request.Longer);
        }
        catch (HaloException e)
        {
            Telemetry.Failed(activity, e);
            throw e.With(request.Key);
        }
        catch (OperationCanceledException e) when (request.Key is { } key && stop.IsCancellationRequested)
        {
            throw await StopAsync(key, request.IsCallersKey, e, stop);
        }
    }

    /// <summary>Queues an async query.</summary>
    public async Task<Query> QueueAsync(QueryCommand command, HaloQueryOptions? options, CancellationToken stop)
    {
        // From here on something may have been sent.
        stop.ThrowIfCancellationRequested();
        var request = new QueryRequests(calls, site, "async", new() { Command = command }, options, null, needsKey: true);
        using var activity = Telemetry.Begin("halo.queue", site);
        try
        {
            return await calls.JsonAsync(request.Repeats, request.Make, HaloJson.Default.Query, stop);
        }
        catch (HaloException e)
        {
            Telemetry.Failed(activity, e);
            throw e.With(request.Key);
        }
        catch (OperationCanceledException e) when (request.Key is { } key && stop.IsCancellationRequested)
        {
            throw await StopAsync(key, request.IsCallersKey, e, stop);
        }
    }

    /// <summary>A query as it stands, or once it is final if that is within <paramref name="wait"/>.</summary>
    public Task<Query> GetAsync(Guid query, TimeSpan wait, CancellationToken stop) =>
        AboutAsync(HttpMethod.Get, query, string.Create(CultureInfo.InvariantCulture, $"?wait={(int)wait.TotalMilliseconds}"), wait, stop);

    /// <summary>A query once it is final, however that took.</summary>
    public async Task<Query> WhenFinalAsync(Guid query, CancellationToken stop)
    {
        while (true)
            if (await GetAsync(query, LongestWait, stop) is { CompletedAt: not null } final)
                return final;
    }

    public Task<Query> CancelAsync(Guid query, CancellationToken stop) => AboutAsync(HttpMethod.Delete, query, "", TimeSpan.Zero, stop);

    /// <summary>Removes what is kept of a query's results.</summary>
    public async Task RemoveResultsAsync(Guid query, CancellationToken stop)
    {
        try
        {
            await calls.SendAsync(Repeats.ExecutesNothing, () => calls.Request(HttpMethod.Delete, PathOf(query) + "/results"), static (response, _) =>
            {
                response.Dispose();
                return Task.FromResult(true);
            }, stop);
        }
        catch (HaloException e)
        {
            throw e.With(executed: Executed.Unknown, query: query);
        }
    }

    public string PathOf(Guid query) => $"integrator/sites/{site}/queries/{query}";

    /// <summary>What a row reader met, as an exception that says what became of the query.</summary>
    public async Task<Exception> BrokenAsync(Exception fault, Guid? query, CancellationToken stop)
    {
        if (fault is OperationCanceledException || stop.IsCancellationRequested)
            return new OperationCanceledException(fault.Message, fault, stop);
        Query? ended = null;
        try
        {
            if (query is { } id)
                ended = await GetAsync(id, TimeSpan.FromSeconds(5), stop);
        }
        catch (HaloException)
        {
            // That the rows broke off is what counts; what became of the query can be asked later.
        }
        if (ended is { CompletedAt: not null, Status: not QueryStatus.Successful })
            return Failures.Of(ended);
        return new HaloException("The rows broke off before their end; those that came are not all.", fault)
        {
            Code = HaloExceptionCodes.RowsBroken,
            Executed = ended is { CompletedAt: not null } ? Executed.Yes : Executed.Unknown,
            IsTransient = true,
            QueryId = query,
            Query = ended,
        };
    }

    /// <summary>The caller cancelled what a key stands for. A key of the client's own stands for this call alone: that it be stopped at the practice too is asked as far as that can be done within a moment.</summary>
    async Task<HaloCanceledException> StopAsync(string key, bool isCallers, Exception cause, CancellationToken stop)
    {
        if (isCallers)
            return new(key, cause, stop);
        using var patience = new CancellationTokenSource(StopWithin, calls.Options.TimeProvider);
        try
        {
            // The request itself may only just be arriving; where it never left there is nothing to stop.
            if (!await AskAsync())
            {
                await Task.Delay(ArrivedAfter, calls.Options.TimeProvider, patience.Token);
                await AskAsync();
            }
        }
        catch (Exception)
        {
            // Whatever stands in the way of that word, handlers of the program's own among it: the key tells its caller later what became of the write.
        }
        return new(key, cause, stop);

        async Task<bool> AskAsync()
        {
            try
            {
                await calls.JsonAsync(Repeats.ExecutesNothing,
                    () => calls.Request(HttpMethod.Delete, $"integrator/sites/{site}/queries?idempotencyKey={Uri.EscapeDataString(key)}"), HaloJson.Default.Query, patience.Token);
                return true;
            }
            catch (HaloException e) when (e.Status == HttpStatusCode.NotFound)
            {
                return false;
            }
        }
    }

    async Task<Query> AboutAsync(HttpMethod method, Guid query, string parameters, TimeSpan longer, CancellationToken stop)
    {
        try
        {
            return await calls.JsonAsync(Repeats.ExecutesNothing, () => calls.Request(method, PathOf(query) + parameters), HaloJson.Default.Query, stop, longer);
        }
        catch (HaloException e)
        {
            // That it could not be asked says nothing of what it did.
            throw e.With(executed: Executed.Unknown, query: query);
        }
    }

    /// <summary>What became of a query whose answer did not come in time.</summary>
    async Task<Query> FateAsync(Query running, HaloException late, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(calls.Options.AnswerTimeout, calls.Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        try
        {
            return await WhenFinalAsync(running.Id, either.Token);
        }
        catch (Exception e) when (e is HaloException || e is OperationCanceledException && !stop.IsCancellationRequested)
        {
            throw late;
        }
    }

    static HaloException RowsNotKept(Query query) => new("The command was executed; its rows are not there any more, since nobody took them in time or they were too many to be kept for a repeat.")
    {
        Code = HaloExceptionCodes.RowsNotKept,
        Executed = Executed.Yes,
        QueryId = query.Id,
        Query = query,
    };
}
