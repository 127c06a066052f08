using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Surveys;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Surveys;

/// <summary>The rows of all sites of a survey as one stream.</summary>
static class SurveyResultsApi
{
    const string ColumnParameter = "siteColumn", UsualColumn = "siteId";
    const int LongestColumn = 128;

    public static void MapSurveyResultsApi(this RouteGroupBuilder surveys) => surveys.MapGet("/{surveyId}/results", SendAsync)
        .Says("GetSurveyRows", "The rows of all sites of a survey, one to a line",
            "Once it is finished: those of every successful site that you are paired with, in the order of the sites' ids, each row with its site as the first value. "
            + "An answer that ends in order is whole. " + RowForms.IntegersNote)
        .Takes(
            Input.Text(ColumnParameter, "What the site's value is called; siteId if absent.", "clinic") with { LongestText = LongestColumn },
            Input.Text(ResultsApi.ResultParameter, "Of a batch: which of its results, from 0.", "0"))
        .AnswersRows(200, "The rows.", new RowsExample(RowForms.LinesType, "{\"siteId\":\"6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a11\",\"patients\":4711}\n"))
        .Refuses(400, ErrorCodes.InvalidRequest, "siteColumn: is the name of a column of the rows; choose another.")
        .Refuses(404, ErrorCodes.NotFound, "You have no such survey.")
        .Refuses(409, ErrorCodes.Conflict, "The survey is running.")
        .Refuses(410, ErrorCodes.Gone, "The results are no longer kept.");

    static async Task<IResult> SendAsync(HttpContext http, string surveyId, SurveyQueries surveys, SurveyRowsWriter writer)
    {
        var (integersAsText, badHeader) = ResponseFormat.ReadIntegers(http.Request);
        if (badHeader is not null)
            return badHeader.ToResult();
        var column = http.Request.Query[ColumnParameter].ToString() is { Length: > 0 } named ? named : UsualColumn;
        if (column.Length > LongestColumn || column.Any(char.IsControl))
            return Refusal.Invalid(ColumnParameter, $"must have at most {LongestColumn} characters, and no control characters.").ToResult();
        if (!Guid.TryParse(surveyId, out var id) || await surveys.FindAsync(http.Integrator().Id, id) is not { } survey)
            return SurveyQueries.Unknown.ToResult();
        if (survey.Status != SurveyStatus.Finished)
        {
            return new Refusal(409, ErrorCodes.Conflict,
                "The survey is running; its rows can be read as one stream once it is finished (event survey.finished), and those of each site once that is successful.").ToResult();
        }
        return await writer.SendAsync(http, id, new(column, integersAsText, http.Request.Query[ResultsApi.ResultParameter].ToString()));
    }
}
