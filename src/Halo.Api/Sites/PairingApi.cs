using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>How an integrator gets the right to query a practice.</summary>
public static class PairingApi
{
    public static void MapPairingApi(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/integrator/pair-site", PairAsync).WithTags("Sites").WithName("PairSite")
            .WithSummary("Pair with a practice, by a code made there")
            .Produces<Site>().Produces<ErrorResponse>(400).Produces<ErrorResponse>(403).Produces<ErrorResponse>(404).Produces<ErrorResponse>(429);
        routes.MapPost("/integrator/pairSite", PairAsync).WithTags("Sites").WithName("PairSiteOldName").WithSummary("The same, by its old name")
            .Produces<Site>().Produces<ErrorResponse>(400).Produces<ErrorResponse>(403).Produces<ErrorResponse>(404).Produces<ErrorResponse>(429);
    }

    static async Task<IResult> PairAsync(HttpContext http, SiteDirectory sites, Pairing pairing, SiteView view)
    {
        var (practice, refusal) = PracticeQuery.Read(http.Request);
        if (practice is null)
            return refusal!;
        var candidates = sites.Authoritative(practice.Id, practice.Name).ToList();
        if (candidates.Count == 0)
        {
            return Refusal.NotFound(
                "There is no authoritative site of this practice. Check its id and the name of its system; where they are right, the practice has not been set up yet.");
        }
        var result = await pairing.PairAsync(http.Integrator(), candidates, http.Request.Query["pairingCode"].ToString());
        return result.Fault switch
        {
            PairingFault.None => SiteWords.Answer(http.Request, view.Show(result.Site!)),
            PairingFault.CodeMissing => new Refusal(403, ErrorCodes.PairingCodeInvalid,
                "A pairing code is required: send it as the query parameter pairingCode. The practice makes one with 'halo-link pairing-code'."),
            PairingFault.CodeWrong => new Refusal(403, ErrorCodes.PairingCodeInvalid,
                "The pairing code is wrong, was used before, is older than 24 hours, or is another practice's. The practice makes a new one with 'halo-link pairing-code'."),
            _ => new Refusal(429, ErrorCodes.TooManyRequests, "Five wrong pairing codes within an hour: wait as Retry-After says.")
            {
                RetryAfter = result.RetryAfter,
            },
        };
    }
}
