using System.Buffers;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Results.Pages;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Results;

/// <summary>Finds the stored page that an integrator asks for, or says why there is none.</summary>
sealed partial class ResultReader(
    SiteAccess access, QueryReader queries, QueryStore store, PageManifest manifest, IPageStore pages, ResultOptions options, TimeProvider time, ILogger<ResultReader> log)
{
    /// <summary>The page, its bytes open for reading.</summary>
    public async Task<(OpenPage? Page, Refusal? Refusal)> OpenAsync(IntegratorCaller caller, string siteId, string queryId, string pageNumber, CancellationToken stop)
    {
        var (query, unknown) = await FindAsync(caller, siteId, queryId);
        if (query is null)
            return (null, unknown);
        if (!int.TryParse(pageNumber, out var number) || number < 1)
            return (null, Refusal.Invalid("pageNumber", "must be a whole number from 1."));
        if (RefusalOf(query, number) is { } refusal)
            return (null, refusal);
        return await OpenAsync(query, query.Pages.First(p => p.PageNumber == number), stop);
    }

    /// <summary>Why the caller may not have the rest of what it began to read; null: it may.</summary>
    public Refusal? RefusalOfRest(IntegratorCaller caller, QueryRecord query) => access.ForReading(caller, query.SiteId).Refusal;

    /// <summary>Keeps the pages of a query in place while they are read one after another. Before the look at what there is.</summary>
    public IDisposable? Hold(string queryId) => Guid.TryParse(queryId, out var id) ? pages.Hold(id) : null;

    /// <summary>The query, all of whose pages can be read.</summary>
    public async Task<(QueryRecord? Query, Refusal? Refusal)> FindWholeAsync(IntegratorCaller caller, string siteId, string queryId)
    {
        var (query, unknown) = await FindAsync(caller, siteId, queryId);
        if (query is null)
            return (null, unknown);
        return RefusalOfWhole(query) is { } refusal ? (null, refusal) : (query, null);
    }

    /// <summary>Why not all pages of a query can be read; null: they can.</summary>
    public Refusal? RefusalOfWhole(QueryRecord query)
    {
        if (RefusalOf(query) is { } refusal)
            return refusal;
        return query.Status == QueryStatus.Successful ? null : new Refusal(409, ErrorCodes.Conflict,
            $"The query is {QueryLifecycle.Word(query.Status)}; its whole result can be read once it is successful. Its pages can be read one by one as they come.");
    }

    /// <summary>A page of the manifest, or why it cannot be read.</summary>
    public async Task<(OpenPage? Page, Refusal? Refusal)> OpenAsync(QueryRecord query, PageRow row, CancellationToken stop)
    {
        try
        {
            if (await pages.OpenReadAsync(store.KeyOf(query), row.PageNumber, row.Digest, stop) is { } stored)
                return (new OpenPage(query, row, new WatchedStream(stored, () => LogDamaged(query.Id, row.PageNumber))), null);
        }
        catch (SealBrokenException)
        {
            LogDamaged(query.Id, row.PageNumber);
            return (null, Lost(row, "damaged"));
        }
        // Removed between the two looks, in order; or lost.
        if (!(await manifest.ReadAsync(query.Id)).Contains(row) || HasPassed(query))
            return (null, Gone("The result is no longer kept."));
        LogMissing(query.Id, row.PageNumber);
        return (null, Lost(row, "missing"));
    }

    static Refusal Lost(PageRow row, string how) => new(500, ErrorCodes.InternalError,
        $"Page {row.PageNumber} of the result is {how} at the service, and a repeat will not help. Tell its operator the traceId; a query that only reads can be asked anew.");

    async Task<(QueryRecord? Query, Refusal? Refusal)> FindAsync(IntegratorCaller caller, string siteId, string queryId)
    {
        var (site, noSite) = access.ForReading(caller, siteId);
        if (site is null)
            return (null, noSite);
        return Guid.TryParse(queryId, out var id) && await queries.FindAsync(caller.Integrator.Id, site.Id, id) is { } query
            ? (query, null)
            : (null, Refusal.NotFound("You have no such query at this site."));
    }

    Refusal? RefusalOf(QueryRecord query)
    {
        if (query.Mode == QueryMode.Immediate)
            return Refusal.NotFound("An immediate query's rows are in its answer alone; it has no pages.");
        if (QueryLifecycle.IsFinal(query.Status) && query.Status != QueryStatus.Successful)
            return Gone($"The query ended as {QueryLifecycle.Word(query.Status)}; it has no pages.");
        if (HasPassed(query) || (query.CompletedAt is not null && !query.IsKept))
            return Gone(HasPassed(query)
                ? $"Results are kept for {HoursOf(query)} hours; this one's time is over."
                : "The result was removed, or its time is over.");
        return null;
    }

    Refusal? RefusalOf(QueryRecord query, int number)
    {
        if (RefusalOf(query) is { } refusal)
            return refusal;
        if (query.Pages.Any(p => p.PageNumber == number))
            return null;
        return query.Status == QueryStatus.Successful
            ? Refusal.NotFound($"The result has {query.Pages.Count} pages; there is no page {number}.")
            : Refusal.NotFound($"Page {number} is not there yet; the query is {QueryLifecycle.Word(query.Status)}.");
    }

    bool HasPassed(QueryRecord query) => query.CompletedAt is { } completed && completed + TimeSpan.FromHours(HoursOf(query)) <= time.GetUtcNow();

    int HoursOf(QueryRecord query) => Math.Min(query.RetentionHours ?? int.MaxValue, options.RetentionHours);

    static Refusal Gone(string message) => new(410, ErrorCodes.Gone, message);

    [LoggerMessage(1311, LogLevel.Error,
        "Page {Page} of query {QueryId} is missing from the store of results, though the ledger has it. Put it back from a backup of the data directory and look for what removes files there")]
    partial void LogMissing(Guid queryId, int page);

    [LoggerMessage(1312, LogLevel.Error,
        "Page {Page} of query {QueryId} is damaged: its seal does not hold. Put it back from a backup of the data directory and check the disk")]
    partial void LogDamaged(Guid queryId, int page);
}

/// <summary>A stored page, open.</summary>
/// <param name="Query">Whose it is.</param>
/// <param name="Row">What the manifest says of it.</param>
/// <param name="Stored">The compressed bytes as the Link made them; seekable.</param>
sealed record OpenPage(QueryRecord Query, PageRow Row, Stream Stored) : IAsyncDisposable
{
    const int PieceBytes = 64 * 1024;

    /// <summary>Of its rows; null: not known.</summary>
    public IReadOnlyList<ResultColumn>? Columns => Query.ColumnsOf(Row.PageNumber);

    /// <summary>Its JSON, piece by piece, each valid until the next.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync([EnumeratorCancellation] CancellationToken stop)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            await using var json = new BrotliStream(Stored, CompressionMode.Decompress, leaveOpen: true);
            while (await json.ReadAsync(buffer, stop) is var read and > 0)
                yield return buffer.AsMemory(0, read);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stored.DisposeAsync();
}
