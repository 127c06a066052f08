using Halo.Api.OpenApi;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>What the routes of releases take and answer, for their description.</summary>
static class ReleaseExamples
{
    public static readonly AdminRelease Release = new("26.1201.7", "active", new(100, 25, 0),
        [new("linux", "x64", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 48_211_904, Examples.At.AddDays(-1), Examples.At.AddDays(180))],
        [new("canary", 1, 12, 0), new("early", 4, 20, 1), new("all", 0, 0, 0)], Examples.At.AddDays(-1), Examples.At);

    public static readonly AdminLinkUpdate LinkUpdate = new("early")
    {
        Target = "26.1201.7",
        Phase = "waiting",
        Reason = "It waits for 22:00, the practice's update hours.",
        Last = new("installed", "Version 26.305.12 runs in place of 26.301.2.", Examples.At.AddDays(-60)) { From = "26.301.2", To = "26.305.12" },
    };

    public static RouteHandlerBuilder AnswersRelease(this RouteHandlerBuilder route) => route
        .Answers(200, "The release as it is now.", Release, AdminJson.Default.AdminRelease).RefusesUnknown();

    public static RouteHandlerBuilder AsksWhy(this RouteHandlerBuilder route) => route
        .Asks("Why.", new ReleaseDecisionRequest("Exports are slow with it"), AdminJson.Default.ReleaseDecisionRequest, optional: true)
        .Refuses(409, ErrorCodes.Conflict, "The release was withdrawn, and that is for good. Upload one of another version.");
}
