using System.Text.Json;
using Halo.Api.OpenApi;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Admin;

/// <summary>What several of the operator's routes take and answer, for their description.</summary>
static class AdminExamples
{
    public static readonly AdminIntegrator Integrator = new(Examples.IntegratorId, "Recalls Ltd", true, Examples.At.AddDays(-20), [Examples.SiteId])
    {
        AllowedAddresses = ["203.0.113.0/24"],
        PairWithoutCode = ["Zedmed"],
        RateLimit = 50,
        Quota = 100_000,
    };

    // A site of an integrator and what operators see beside, through the JSON of both: no field is named twice.
    public static readonly AdminSite Site = JsonSerializer.Deserialize(
        JsonSerializer.SerializeToUtf8Bytes(Examples.Site, HaloJson.Default.Site), AdminJson.Default.AdminSite)! with
    {
        LinkId = Examples.LinkId,
        Confirmed = true,
    };

    public static readonly AdminLink Link = new(Examples.LinkId, "enrolled", "26.305.12", true, Examples.At, Examples.At.AddDays(-30));

    public static RouteHandlerBuilder TakesPaging(this RouteHandlerBuilder route) => route
        .Takes(Inputs.Limit, Inputs.After)
        .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.");

    public static RouteHandlerBuilder RefusesUnknown(this RouteHandlerBuilder route) => route.Refuses(404, ErrorCodes.NotFound, "There is no such thing; the message says which list shows them.");

    public static RouteHandlerBuilder AnswersIntegrator(this RouteHandlerBuilder route) => route
        .Answers(200, "The integrator.", Integrator, AdminJson.Default.AdminIntegrator).RefusesUnknown();

    public static RouteHandlerBuilder AnswersSite(this RouteHandlerBuilder route) => route
        .Answers(200, "The site as it is now.", Site, AdminJson.Default.AdminSite).RefusesUnknown();

    public static RouteHandlerBuilder AnswersLink(this RouteHandlerBuilder route) => route
        .Answers(200, "The Link as it is now.", Link, AdminJson.Default.AdminLink).RefusesUnknown();
}
