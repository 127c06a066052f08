using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Surveys;
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
/// <remarks>A failure after the first byte aborts the connection, so that what ends in order is whole.</remarks>
sealed partial class SurveyRowsWriter(SurveyStore store, ResultReader reader, StoredResponseWriter pages, ILogger<SurveyRowsWriter> log)
{
    const int Step = 200;

    /// <summary>Sends them, or says why there are none.</summary>
    public async Task<IResult> SendAsync(HttpContext http, Guid surveyId, SurveyRowsWanted wanted)
    {
        var response = http.Response;
        Guid? after = null;
        try
        {
            while (await store.SitesAsync(surveyId, SurveySiteStatus.Successful, after, Step) is { Count: > 0 } sites)
            {
                foreach (var site in sites)
                {
                    // As long as an integrator is not paired with a site it does not read there.
                    if (http.Integrator().Sites.Contains(site.SiteId) && await SendAsync(http, site, wanted) is { } refusal)
                        return response.HasStarted ? throw new InvalidDataException(refusal.Message) : refusal.ToResult();
                }
                after = sites[^1].SiteId;
            }
            if (!response.HasStarted)
                response.ContentType = RowForms.LinesType;
        }
        catch (Exception e) when (response.HasStarted)
        {
            if (!http.RequestAborted.IsCancellationRequested)
                LogBroken(surveyId, e.GetType().Name);
            http.Abort();
        }
        return TypedResults.Empty;
    }

    /// <returns>Why the site's rows cannot be read; null: they were written.</returns>
    async Task<Refusal?> SendAsync(HttpContext http, SurveySiteRecord site, SurveyRowsWanted wanted)
    {
        var queryId = site.QueryId.ToString()!;
        using var held = reader.Hold(queryId);
        var (query, refusal) = await reader.FindWholeAsync(http.Caller(), site.SiteId.ToString(), queryId);
        if (query is null)
            return refusal;
        var (result, unclear) = WholeResult.Of(query, wanted.Result);
        if (result is null)
            return unclear;
        if (result.Columns.Any(c => c.Name == wanted.Column))
            return Refusal.Invalid("siteColumn", $"is needed: the rows have a column {wanted.Column} of their own; say what the site's value is to be called.");
        if (!http.Response.HasStarted)
            http.Response.ContentType = RowForms.LinesType;
        var rows = new JsonRows(lines: true, [.. result.Columns.Select(c => wanted.IntegersAsText && c.Type == SqlType.BigInt)]);
        using var transcoder = new RowTranscoder(new SiteRows(rows, wanted.Column, site.SiteId));
        await pages.WriteAsync(http, result, transcoder, []);
        return null;
    }

    [LoggerMessage(1314, LogLevel.Error, "The rows of survey {SurveyId} could not be read to their end ({Exception}); the answer was aborted")]
    partial void LogBroken(Guid surveyId, string exception);
}
