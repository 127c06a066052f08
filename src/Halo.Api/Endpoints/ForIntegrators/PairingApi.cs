using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Api.Sites.Pairings;
using Halo.Api.Sites.State;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>How an integrator gets the right to query a practice.</summary>
static class PairingApi
{
    public static void MapPairingApi(this IEndpointRouteBuilder routes)
    {
        Describe(routes.MapPost("/integrator/pair-site", PairAsync), "PairSite", "Pair with a practice, by a code made there");
        Describe(routes.MapPost("/integrator/pairSite", PairAsync), "PairSiteOldName", "The same, by its old name");
    }

    static void Describe(RouteHandlerBuilder route, string name, string summary) => route.WithTags("Sites")
        .Says(name, summary,
            "The practice makes the code with 'halo-link pairing-code'; it works once and for 24 hours. Best Practice always requires one; for another PMS the operator "
            + "may let an integrator pair without. Who is paired already gets the site, with or without a code. Everything is in the query string; there is no body.")
        .Takes(Inputs.PracticeId, Inputs.PracticeName, Input.Text("pairingCode", "The code that the practice made.", "4F7K-92QD"), Inputs.Words)
        .Answers(200, "Paired; the site.", Examples.Site, HaloJson.Default.Site)
        .Refuses(400, ErrorCodes.InvalidRequest, "practiceManagementSiteId: is required, as a query parameter.")
        .Refuses(403, ErrorCodes.PairingCodeInvalid, "The pairing code is missing, wrong, used before or older than 24 hours.")
        .Refuses(404, ErrorCodes.NotFound, "There is no authoritative site of this practice.")
        .Refuses(429, ErrorCodes.TooManyRequests, "Five wrong pairing codes within an hour: wait as Retry-After says.");

    static async Task<IResult> PairAsync(HttpContext http, SiteDirectory sites, Pairing pairing, SiteView view)
    {
        var (practice, refusal) = PracticeQuery.Read(http.Request);
        if (practice is null)
            return refusal!.ToResult();
        var candidates = sites.Authoritative(practice.Id, practice.Name).ToList();
        if (candidates.Count == 0)
        {
            return Refusal.NotFound(
                "There is no authoritative site of this practice. Check its id and the name of its system; where they are right, the practice has not been set up yet.").ToResult();
        }
        var result = await pairing.PairAsync(http.Integrator(), candidates, http.Request.Query["pairingCode"].ToString());
        return result.Fault switch
        {
            PairingFault.None => SiteResponses.Answer(http.Request, view.Show(result.Site!)),
            PairingFault.CodeMissing => new Refusal(403, ErrorCodes.PairingCodeInvalid,
                "A pairing code is required: send it as the query parameter pairingCode. The practice makes one with 'halo-link pairing-code'.").ToResult(),
            PairingFault.CodeWrong => new Refusal(403, ErrorCodes.PairingCodeInvalid,
                "The pairing code is wrong, was used before, is older than 24 hours, or is another practice's. The practice makes a new one with 'halo-link pairing-code'.").ToResult(),
            _ => new Refusal(429, ErrorCodes.TooManyRequests, "Five wrong pairing codes within an hour: wait as Retry-After says.")
            {
                RetryAfter = result.RetryAfter,
            }.ToResult(),
        };
    }
}
