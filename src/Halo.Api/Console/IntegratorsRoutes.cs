using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Contracts.Admin;

namespace Halo.Api.Console;

/// <summary>Integrators, their keys, limits and pairings.</summary>
static class IntegratorsRoutes
{
    const string Path = ConsolePaths.Integrators, One = Path + "/{id}";

    public static void MapIntegrators(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Path, () => Page.Of<IntegratorsPage>());
        routes.MapGet(One, (string id, IntegratorDirectory directory) => With(id, directory, one => Page.Of<IntegratorPage>(new { one.Id })));
        var acts = routes.MapGroup("").RequireRole(OperatorRole.Operator);
        acts.MapGet(Path + "/new", () => Page.Of<IntegratorFormPage>());
        acts.MapPost(Path + "/new", CreateAsync);
        acts.MapGet(One + "/change", (string id, IntegratorDirectory directory) => With(id, directory, one => Page.Of<IntegratorFormPage>(new { one.Id })));
        acts.MapPost(One + "/change", ChangeAsync);
        acts.MapGet(One + "/delete", (string id, IntegratorDirectory directory) => With(id, directory, one => Ask(new { one.Id, Decision = "delete" })));
        acts.MapPost(One + "/delete", DeleteAsync);
        acts.MapGet(One + "/keys/{slot}", (string id, string slot, IntegratorDirectory directory) =>
            With(id, directory, one => SubscriptionKey.Slots.Contains(slot) ? Ask(new { one.Id, Decision = "rotate", Slot = slot }) : NoKey));
        acts.MapPost(One + "/keys/{slot}", RotateAsync);
        acts.MapPost(One + "/sites", PairAsync);
        acts.MapGet(One + "/sites/{siteId}/unpair", (string id, string siteId, IntegratorDirectory directory, SiteAccess access) => With(id, directory, one =>
            access.Find(siteId).Site is { } site ? Ask(new { one.Id, Decision = "unpair", SiteId = site.Id }) : Page.NotFound("There is no such site.")));
        acts.MapPost(One + "/sites/{siteId}/unpair", UnpairAsync);
    }

    static async Task<IResult> CreateAsync(HttpContext http, IntegratorRegistry registry)
    {
        var name = http.Form()["name"];
        if (!IntegratorPatch.IsName(name))
            return Page.Of<IntegratorFormPage>(new { Asked = new PatchIntegratorRequest(name, null, null, null, null, null), Fault = $"The name {IntegratorPatch.NameFault}" }, 400);
        var made = await registry.CreateAsync(name!, http.Deed());
        return Shown($"Keys of {made.Name}", "Give them to the integrator now: they are not shown again. Either opens everything; two let it change them without a gap.",
            new() { ["Primary key"] = made.Keys.Primary, ["Secondary key"] = made.Keys.Secondary }, made.Id);
    }

    static Task<IResult> ChangeAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry) => WithAsync(id, directory, async one =>
    {
        if (FormMark.Refuse(http, IntegratorFormPage.MarkOf(one)) is { } stale)
            return stale;
        var form = http.Form();
        // A page shows all, so what is empty is taken away.
        var asked = new PatchIntegratorRequest(form["name"] ?? "", form.Has("enabled"), form.Lines("allowedAddresses"), form.Lines("pairWithoutCode"), (int)Math.Min(Limit(form["rateLimit"]), int.MaxValue), Limit(form["quota"]));
        var (rules, faults) = IntegratorPatch.Apply(one.Rules, asked);
        if (rules is null)
            return Page.Of<IntegratorFormPage>(new { one.Id, Asked = asked, Fault = string.Join(' ', faults.Select(f => $"{Words.Sentence(f.Field)} {f.Message}")) }, 400);
        return await registry.ChangeAsync(one.Id, asked.Name!, asked.Enabled!.Value, rules, http.Deed()) is null
            ? Page.Refused(Refusal.RemovedMeanwhile) : Page.Next(ConsolePaths.Integrator(one.Id), "integrator-changed");

        // 0 takes a limit away; what is no number is outside of every range.
        static long Limit(string? text) => text is null ? 0 : long.TryParse(text, out var number) && number > 0 ? number : -1;
    });

    static Task<IResult> DeleteAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry) => WithAsync(id, directory, async one =>
    {
        if (http.Form().ReasonFault is { } fault)
            return Ask(new { one.Id, Decision = "delete", Fault = fault }, 400);
        await registry.DeleteAsync(one.Id, http.Deed(http.Form().Reason));
        return Page.Next(Path, "integrator-deleted");
    });

    static Task<IResult> RotateAsync(HttpContext http, string id, string slot, IntegratorDirectory directory, IntegratorRegistry registry) => WithAsync(id, directory, async one =>
    {
        if (!SubscriptionKey.Slots.Contains(slot))
            return NoKey;
        if (http.Form().ReasonFault is { } fault)
            return Ask(new { one.Id, Decision = "rotate", Slot = slot, Fault = fault }, 400);
        return Shown($"The {slot} key of {one.Name}", "Give it to the integrator now: it is not shown again. The old one opens nothing any more.",
            new() { [$"New {slot} key"] = await registry.RotateAsync(one.Id, slot, http.Deed(http.Form().Reason)) }, one.Id);
    });

    static Task<IResult> PairAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access) => WithAsync(id, directory, async one =>
    {
        if (access.Find(http.Form()["siteId"] ?? "").Site is not { } site)
            return Page.Message(404, "There is no such site", "Copy the site's id from its page.");
        await registry.PairAsync(one.Id, site.Id, http.Deed());
        return Page.Next(ConsolePaths.Integrator(one.Id), "paired");
    });

    static Task<IResult> UnpairAsync(HttpContext http, string id, string siteId, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access) => WithAsync(id, directory, async one =>
    {
        if (access.Find(siteId).Site is not { } site)
            return Page.NotFound("There is no such site.");
        if (http.Form().ReasonFault is { } fault)
            return Ask(new { one.Id, Decision = "unpair", SiteId = site.Id, Fault = fault }, 400);
        await registry.UnpairAsync(one.Id, site.Id, http.Deed(http.Form().Reason));
        return Page.Next(ConsolePaths.Integrator(one.Id), "unpaired");
    });

    static IResult Ask(object parameters, int status = 200) => Page.Of<IntegratorDecisionPage>(parameters, status);

    static IResult Shown(string title, string text, Dictionary<string, string> secrets, Guid id) =>
        Page.Of<SecretsPage>(new { Title = title, Section = "Integrators", Text = text, Secrets = secrets, Back = ConsolePaths.Integrator(id) });

    static IResult NoKey => Page.NotFound("An integrator has a primary and a secondary key, no other.");

    static IResult With(string id, IntegratorDirectory directory, Func<Integrator, IResult> show) =>
        Guid.TryParse(id, out var guid) && directory.Find(guid) is { } one ? show(one) : Page.NotFound("There is no such integrator.");

    static async Task<IResult> WithAsync(string id, IntegratorDirectory directory, Func<Integrator, Task<IResult>> act) =>
        Guid.TryParse(id, out var guid) && directory.Find(guid) is { } one ? await act(one) : Page.NotFound("There is no such integrator.");
}
