using System.Collections.Frozen;
using Halo.Api.Capacity;
using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Surveys;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Surveys;

/// <summary>One thing asked of many sites.</summary>
static class SurveysApi
{
    /// <summary>Of each thousands of sites are counted.</summary>
    const int MostListed = 20;

    static readonly FrozenDictionary<string, SurveySiteStatus> Statuses = JsonFieldReader.Words<SurveySiteStatus>(camelCase: true);

    static readonly SurveyRequest AskExample = new()
    {
        Filter = new() { PracticeManagementName = "Harbour" },
        AtOnce = 50,
        MaxTimeInQueue = 600_000,
        Command = new("SELECT COUNT(*) AS patients FROM patients"),
    };

    static readonly Survey Example = new()
    {
        Id = Examples.QueryId,
        Status = SurveyStatus.Running,
        Tag = "nightly",
        AtOnce = 50,
        CreatedAt = Examples.At,
        DeadlineAt = Examples.At.AddMinutes(10),
        Sites = new(412, 61, 50, 298, 1, 0, 0, 2),
    };

    static readonly SurveySiteList SitesExample = new(
    [
        new() { SiteId = Examples.SiteId, Status = SurveySiteStatus.Successful, Query = Examples.Export with { Result = null } },
        new() { SiteId = Examples.LinkId, Status = SurveySiteStatus.Refused, Refusal = new(ErrorCodes.SiteUninstalled, "The practice uninstalled Halo Link.") },
    ]);

    public static void MapSurveysApi(this IEndpointRouteBuilder routes)
    {
        var surveys = routes.MapGroup("/integrator/queries").WithTags("Surveys");
        surveys.MapPost("", BeginAsync)
            .Says("BeginSurvey", "Ask many sites one thing",
                "An async query for each site, made one after another, at so many sites at once as atOnce says. Sites that are away are asked when they come back, until maxTimeInQueue after the survey's "
                + "acceptance is over. Each site is asked once, whatever is restarted meanwhile. The queries are like any other: each can be read, waited for and cancelled at its site, and counts as one.")
            .Takes(Inputs.Tag, Inputs.Key)
            .Asks("The body of an async query, with sites or filter.", AskExample, HaloJson.Default.SurveyRequest)
            .Answers(201, "It is stored, and begins.", Example, HaloJson.Default.Survey)
            .Refuses(400, ErrorCodes.InvalidRequest, "sites[3]: is no site that you are paired with.")
            .Refuses(413, ErrorCodes.RequestTooLarge, "The command has more than 262144 bytes.")
            .Refuses(409, ErrorCodes.Conflict, "You have as many surveys running as are allowed.");
        surveys.MapGet("", ListAsync)
            .Says("ListSurveys", "Your surveys, newest first", "Those that ended are listed as long as their queries are.")
            .Takes(Input.Whole("limit", "So many at most, 1 to 20.", 1, MostListed, MostListed), Inputs.After)
            .Answers(200, "A page of them.", new SurveyList([Example]), HaloJson.Default.SurveyList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 20.");
        surveys.MapGet("/{surveyId}", FindAsync)
            .Says("GetSurvey", "Where a survey stands", "How many of its sites stand where. With wait it answers as soon as it is finished; the event survey.finished tells that too.")
            .Takes(GetQueryEndpoint.Wait)
            .Answers(200, "Where it stands.", Example, HaloJson.Default.Survey)
            .Refuses(400, ErrorCodes.InvalidRequest, "wait: must be a whole number of milliseconds from 0 to 60000.")
            .Refuses(404, ErrorCodes.NotFound, "You have no such survey.");
        surveys.MapDelete("/{surveyId}", CancelAsync)
            .Says("CancelSurvey", "Cancel a survey", "No more sites are asked; what runs is stopped at its practice. What has ended can be read still.")
            .Answers(200, "It had ended.", Example with { Status = SurveyStatus.Finished }, HaloJson.Default.Survey)
            .Answers(202, "It is being stopped.", Example with { Status = SurveyStatus.Cancelling }, HaloJson.Default.Survey)
            .Refuses(404, ErrorCodes.NotFound, "You have no such survey.");
        surveys.MapGet("/{surveyId}/sites", SitesAsync)
            .Says("ListSurveySites", "What became of a survey at its sites", "In the order of the sites' ids. A site that you are not paired with any more is shown without its query.")
            .Takes(Input.Word("status", "Only those that stand so.", [.. Statuses.Keys]), Inputs.Limit, Inputs.After)
            .Answers(200, "A page of them.", SitesExample, HaloJson.Default.SurveySiteList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.")
            .Refuses(404, ErrorCodes.NotFound, "You have no such survey.");
        surveys.MapSurveyResultsApi();
    }

    static async Task<IResult> BeginAsync(HttpContext http, RequestBodies bodies, SurveyRequestReader reader, SurveyQueries surveys)
    {
        var (key, noKey) = IdempotentRequest.KeyOf(http.Request);
        if (noKey is not null)
            return noKey.ToResult();
        var caller = http.Caller();
        var (body, unreadable) = await bodies.ReadAsync(http);
        if ((unreadable ?? caller.Find().Refusal) is { } refused)
            return refused.ToResult();
        var (read, scope, faulty) = reader.Read(body, caller.Integrator);
        var (asked, invalid) = read is null ? (null, faulty) : SubmissionParser.WithExtras(read, http.Request);
        if (asked is null)
            return invalid!.ToResult();
        var begun = await surveys.BeginAsync(caller, asked, scope!, key is null ? null : IdempotentRequest.Of(caller.Integrator.Id, key, http.Request, body.Span));
        if (begun.Survey is not { } survey)
            return begun.Refusal!.ToResult();
        if (begun.IsReplay)
            http.Response.Headers[SubmitEndpoint.ReplayedHeader] = "true";
        http.Response.Headers.Location = $"/integrator/queries/{survey.Id}";
        return TypedResults.Json(survey, HaloJson.Default.Survey, statusCode: 201);
    }

    static async Task<IResult> ListAsync(HttpContext http, string? limit, string? after, SurveyQueries surveys)
    {
        var faults = new List<FieldError>();
        var (most, before) = (ListApi.ReadLimit(limit, faults, MostListed), ListApi.ReadAfter(after, faults));
        return faults.Count > 0
            ? Refusal.Invalid(faults).ToResult()
            : TypedResults.Json(await surveys.ListAsync(http.Integrator().Id, before, most), HaloJson.Default.SurveyList);
    }

    static async Task<IResult> FindAsync(HttpContext http, string surveyId, string? wait, SurveyQueries surveys)
    {
        var (waitMs, badWait) = GetQueryEndpoint.ReadWait(wait);
        if (badWait is not null)
            return badWait.ToResult();
        var survey = Guid.TryParse(surveyId, out var id) ? await surveys.FindAsync(http.Integrator().Id, id) : null;
        if (survey is { Status: not SurveyStatus.Finished } && waitMs > 0)
            survey = await surveys.WaitAsync(http.Caller(), id, TimeSpan.FromMilliseconds(waitMs), http.RequestAborted);
        return survey is null ? SurveyQueries.Unknown.ToResult() : TypedResults.Json(survey, HaloJson.Default.Survey);
    }

    static async Task<IResult> CancelAsync(HttpContext http, string surveyId, SurveyQueries surveys) =>
        Guid.TryParse(surveyId, out var id) && await surveys.CancelAsync(http.Integrator().Id, id) is { } survey
            ? TypedResults.Json(survey, HaloJson.Default.Survey, statusCode: survey.Status == SurveyStatus.Finished ? 200 : 202)
            : SurveyQueries.Unknown.ToResult();

    static async Task<IResult> SitesAsync(HttpContext http, string surveyId, string? status, string? limit, string? after, SurveyQueries surveys)
    {
        var faults = new List<FieldError>();
        var wanted = ListApi.ReadWord("status", status, Statuses, faults);
        var (most, behind) = (ListApi.ReadLimit(limit, faults), ListApi.ReadAfter(after, faults));
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        return Guid.TryParse(surveyId, out var id) && await surveys.SitesAsync(http.Caller(), id, wanted, behind, most) is { } sites
            ? TypedResults.Json(sites, HaloJson.Default.SurveySiteList)
            : SurveyQueries.Unknown.ToResult();
    }
}
