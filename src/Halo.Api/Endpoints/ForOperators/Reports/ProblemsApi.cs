using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Problems;
using Halo.Api.Routing;
using Halo.Contracts.Admin;

namespace Halo.Api.Endpoints.ForOperators.Reports;

/// <summary>What needs a person now.</summary>
static class ProblemsApi
{
    const int DefaultLimit = 100, MostLimit = 1000;

    static readonly Problem Example = new($"{ProblemKinds.DatabaseFailing}:{Examples.SiteId}", ProblemKinds.DatabaseFailing,
        "The Halo Link of Harbour Clinic (Zedmed 12345) cannot reach the database (Timeout).", "Ask the practice whether the database runs and its login is right; on the server, halo-link doctor says more.")
    { Since = Examples.At, SiteId = Examples.SiteId, LinkId = Examples.QueryId };

    public static void MapProblemsApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/problems", ListAsync).WithTags("Operator: problems")
            .Says("ListProblems", "What needs a person now", "Those that have lasted longest first, each with its cause and what to do. A problem is listed for as long as it lasts.")
            .Takes(Inputs.Limit, Input.Text("after", "The next of the page before.", Example.Id),
                Input.Word("kind", "Only problems of this kind.", [.. ProblemKinds.All]))
            .Answers(200, "A page of them, and how many there are of each kind.", new ProblemList([Example], null, [new(ProblemKinds.DatabaseFailing, 1)]), AdminJson.Default.ProblemList);

    static async Task<IResult> ListAsync(HttpContext http, ProblemFinder finder)
    {
        var query = http.Request.Query;
        var limit = DefaultLimit;
        if (query.TryGetValue("limit", out var asked) && !(int.TryParse(asked, out limit) && limit is >= 1 and <= MostLimit))
            return Refusal.Invalid("limit", $"must be a whole number from 1 to {MostLimit}.").ToResult();
        var kind = query["kind"].ToString();
        if (kind.Length > 0 && !ProblemKinds.All.Contains(kind))
            return Refusal.Invalid("kind", $"must be one of {string.Join(", ", ProblemKinds.All)}.").ToResult();
        var all = await finder.FindAsync();
        var shown = kind.Length == 0 ? all : [.. all.Where(p => p.Kind == kind)];
        if (query["after"].ToString() is { Length: > 0 } after)
        {
            // One that is over by now: the page begins anew, and what is told twice has the same id.
            var at = shown.TakeWhile(p => p.Id != after).Count();
            shown = at == shown.Count ? shown : [.. shown.Skip(at + 1)];
        }
        var page = shown.Take(limit).ToList();
        return TypedResults.Json(new ProblemList(page, shown.Count > limit ? page[^1].Id : null,
            [.. all.GroupBy(p => p.Kind).Select(g => new ProblemCount(g.Key, g.Count())).OrderByDescending(c => c.Count).ThenBy(c => c.Kind, StringComparer.Ordinal)]),
            AdminJson.Default.ProblemList);
    }
}
