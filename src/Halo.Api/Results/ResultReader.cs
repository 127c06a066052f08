using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Ledger;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Results;

/// <summary>Finds the stored page that an integrator asks for, or says why there is none.</summary>
public sealed class ResultReader(SiteAccess access, QueryLedger ledger, IPageStore pages, ResultOptions options, TimeProvider time)
{
    /// <summary>The page, its bytes open for reading.</summary>
    public async Task<(OpenPage? Page, Refusal? Refusal)> OpenAsync(HttpContext http, string siteId, string queryId, string pageNumber)
    {
        var integrator = http.Integrator();
        var (site, noSite) = access.ForReading(integrator, siteId);
        if (site is null)
            return (null, noSite);
        if (!Guid.TryParse(queryId, out var id) || await ledger.FindAsync(integrator.Id, site.Id, id) is not { } query)
            return (null, Refusal.NotFound("You have no such query at this site."));
        if (!int.TryParse(pageNumber, out var number) || number < 1)
            return (null, Refusal.Invalid("pageNumber", "must be a whole number from 1."));
        if (RefusalOf(query, number) is { } refusal)
            return (null, refusal);
        var row = query.Pages.First(p => p.PageNumber == number);
        var stored = await pages.OpenReadAsync(ledger.KeyOf(query), number, row.Digest, http.RequestAborted);
        // In the manifest and not in the store: removed between the two looks.
        return stored is null ? (null, Gone("The result is no longer kept.")) : (new OpenPage(query, row, stored), null);
    }

    Refusal? RefusalOf(QueryRecord query, int number)
    {
        if (query.Mode == QueryMode.Immediate)
            return Refusal.NotFound("An immediate query's rows are in its answer alone; it has no pages.");
        if (QueryLifecycle.IsFinal(query.Status) && query.Status != QueryStatus.Successful)
            return Gone($"The query ended as {QueryLifecycle.Word(query.Status)}; it has no pages.");
        if (query.CompletedAt is { } completed && completed + TimeSpan.FromHours(options.RetentionHours) <= time.GetUtcNow())
            return Gone($"Results are kept for {options.RetentionHours} hours; this one's time is over.");
        if (query.Pages.Any(p => p.PageNumber == number))
            return null;
        return query.Status == QueryStatus.Successful
            ? Refusal.NotFound($"The result has {query.Pages.Count} pages; there is no page {number}.")
            : Refusal.NotFound($"Page {number} is not there yet; the query is {QueryLifecycle.Word(query.Status)}.");
    }

    static Refusal Gone(string message) => new(410, ErrorCodes.Gone, message);
}

/// <summary>A stored page, open.</summary>
/// <param name="Query">Whose it is.</param>
/// <param name="Row">What the manifest says of it.</param>
/// <param name="Stored">The compressed bytes as the Link made them; seekable.</param>
public sealed record OpenPage(QueryRecord Query, PageRow Row, Stream Stored) : IAsyncDisposable
{
    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stored.DisposeAsync();
}
