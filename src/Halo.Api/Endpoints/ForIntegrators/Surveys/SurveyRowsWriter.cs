using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Queries;
using Halo.Api.Results;
using Halo.Api.Results.Formats;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Surveys;

/// <summary>How the rows of a survey are wanted.</summary>
/// <param name="Column">What the site's value is called.</param>
/// <param name="IntegersAsText">Whether 64-bit integers are written as strings.</param>
/// <param name="Result">Of a batch: which of its results, as it was asked for; empty: it was not.</param>
sealed record SurveyRowsWanted(string Column, bool IntegersAsText, string Result);

/// <summary>Writes the rows of all sites of a survey, site after site, page after page.</summary>
/// <remarks>
/// Before the first byte every site is looked at, so that what cannot be given whole is refused in order. A failure after that aborts the connection: what
/// ends in order is whole.
/// </remarks>
sealed partial class SurveyRowsWriter(SurveyStore store, QueryReader queries, ResultReader reader, StoredResponseWriter pages, ILogger<SurveyRowsWriter> log)
{
    const int Step = 100;

    /// <summary>Sends them, or says why there are none.</summary>
    public async Task<IResult> SendAsync(HttpContext http, Guid surveyId, SurveyRowsWanted wanted)
    {
        var response = http.Response;
        try
        {
            await foreach (var query in QueriesAsync(http, surveyId))
            {
                if (ResultOf(query, wanted).Refusal is { } refusal)
                    return refusal.ToResult();
            }
            response.ContentType = RowForms.LinesType;
            await foreach (var query in QueriesAsync(http, surveyId))
            {
                if (await SendAsync(http, query.SiteId, query.Id, wanted) is { } refusal)
                    return response.HasStarted ? throw new RefusedException(refusal) : refusal.ToResult();
            }
        }
        catch (Exception e) when (response.HasStarted)
        {
            if (e is not RefusedException { Refusal.Status: not 500 } && !http.RequestAborted.IsCancellationRequested)
                LogBroken(surveyId, e.GetType().Name);
            http.Abort();
        }
        return TypedResults.Empty;
    }

    /// <summary>Queries of successful sites, in the order of these. As long as an integrator is not paired with a site it does not read there.</summary>
    async IAsyncEnumerable<QueryRecord> QueriesAsync(HttpContext http, Guid surveyId)
    {
        Guid? after = null;
        while (await store.SitesAsync(surveyId, SurveySiteStatus.Successful, after, Step) is { Count: > 0 } sites)
        {
            var integrator = http.Integrator();
            var found = (await queries.FindManyAsync(integrator.Id, null, [.. sites.Where(s => integrator.Sites.Contains(s.SiteId)).Select(s => s.QueryId!.Value)])).ToDictionary(q => q.SiteId);
            foreach (var site in sites)
            {
                if (found.TryGetValue(site.SiteId, out var query))
                    yield return query;
            }
            after = sites[^1].SiteId;
        }
    }

    /// <returns>Why the site's rows cannot be read; null: they were written.</returns>
    async Task<Refusal?> SendAsync(HttpContext http, Guid siteId, Guid queryId, SurveyRowsWanted wanted)
    {
        using var held = reader.Hold(queryId.ToString());
        // Looked at anew, now that they are held.
        var (query, gone) = await reader.FindWholeAsync(http.Caller(), siteId.ToString(), queryId.ToString());
        var (result, refusal) = query is null ? (null, gone) : ResultOf(query, wanted);
        if (result is null)
            return refusal;
        var rows = new JsonRows(lines: true, [.. result.Columns.Select(c => wanted.IntegersAsText && c.Type == SqlType.BigInt)]);
        using var transcoder = new RowTranscoder(new SiteRows(rows, wanted.Column, siteId));
        if (http.Response.HasStarted || result.Pages.Count == 0)
        {
            await pages.WriteAsync(http, result, transcoder, []);
            return null;
        }
        var (first, lost) = await reader.OpenAsync(result.Query, result.Pages[0], http.RequestAborted);
        if (first is null)
            return lost;
        await using (first)
            await pages.WriteAsync(http, result, transcoder, [first]);
        return null;
    }

    (WholeResult? Result, Refusal? Refusal) ResultOf(QueryRecord query, SurveyRowsWanted wanted)
    {
        if (reader.RefusalOfWhole(query) is { } refusal)
            return (null, refusal);
        var (result, unclear) = WholeResult.Of(query, wanted.Result);
        return result?.Columns.Any(c => c.Name == wanted.Column) == true
            ? (null, Refusal.Invalid("siteColumn", $"is needed: the rows have a column {wanted.Column} of their own; say what the site's value is to be called."))
            : (result, unclear);
    }

    [LoggerMessage(1314, LogLevel.Error, "The rows of survey {SurveyId} could not be read to their end ({Exception}); the answer was aborted")]
    partial void LogBroken(Guid surveyId, string exception);
}
