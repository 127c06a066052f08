using System.Text.Json;
using Halo.Api.OpenApi;
using Halo.Api.Sites.State;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>What several of the operator's routes take and answer, for their description.</summary>
static class AdminExamples
{
    public static readonly AdminIntegrator Integrator = new(Examples.IntegratorId, "Recalls Ltd", true, Examples.At.AddDays(-20), [Examples.SiteId])
    {
        AllowedAddresses = ["203.0.113.0/24"],
        PairWithoutCode = ["Zedmed"],
        RateLimit = 50,
        Quota = 100_000,
        Keys = [new("primary", Examples.At.AddDays(-20)) { LastUsedAt = Examples.At, LastUsedFrom = "203.0.113.7" }, new("secondary", Examples.At.AddDays(-20))],
    };

    // A site of an integrator and what operators see beside, through the JSON of both: no field is named twice.
    public static readonly AdminSite Site = JsonSerializer.Deserialize(
        JsonSerializer.SerializeToUtf8Bytes(Examples.Site, HaloJson.Default.Site), AdminJson.Default.AdminSite)! with
    {
        LinkId = Examples.LinkId,
        Confirmed = true,
    };

    public static readonly AdminLink Link = new()
    {
        Id = Examples.LinkId,
        Status = "enrolled",
        Version = "26.305.12",
        VersionSince = Examples.At.AddDays(-2),
        Connected = true,
        ConnectedSince = Examples.At.AddHours(-5),
        LastHeardAt = Examples.At,
        CreatedAt = Examples.At.AddDays(-30),
        Host = "SERVER01",
        OperatingSystem = "Microsoft Windows 10.0.26100",
        Update = ReleaseExamples.LinkUpdate,
    };

    public static readonly AdminLinkDetail LinkDetail = JsonSerializer.Deserialize(
        JsonSerializer.SerializeToUtf8Bytes(Link, AdminJson.Default.AdminLink), AdminJson.Default.AdminLinkDetail)! with
    {
        Sites = [Examples.SiteId],
        Processors = 8,
        UptimeSeconds = 18_000,
        Queues = new(0, 1, 1, 0),
        FreeDiskBytes = 120_000_000_000,
        SpoolBytes = 1_400_000,
    };

    public static readonly AdminAvailability Availability = new(Examples.SiteId, Examples.At.AddHours(-1), Examples.At, 95,
        [
            new(PastAvailability.Online, Examples.At.AddHours(-1), Examples.At.AddMinutes(-3)),
            new(PastAvailability.Unreachable, Examples.At.AddMinutes(-3), Examples.At),
        ])
    {
        OnlineMs = 3_420_000,
        UnreachableMs = 180_000,
    };

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
