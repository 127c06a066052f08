using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>What an operator does with integrators.</summary>
static class AdminIntegratorsApi
{
    public static void MapAdminIntegratorsApi(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/integrators").WithTags("Operator: integrators");
        group.MapPost("", CreateAsync).RequireRole(OperatorRole.Operator).Says("CreateIntegrator", "Make an integrator", "The only time that its keys are shown.")
            .Asks("Its name.", new CreateIntegratorRequest("Recalls Ltd"), AdminJson.Default.CreateIntegratorRequest)
            .Answers(201, "Made.", new NewIntegrator(Examples.IntegratorId, "Recalls Ltd", new KeyPair("…", "…")), AdminJson.Default.NewIntegrator)
            .Sends(201, "Location", "The integrator's address.")
            .Refuses(400, ErrorCodes.InvalidRequest, "name: is required, with 1 to 200 characters.");
        group.MapGet("", List).Says("ListIntegrators", "All integrators, without keys", "Oldest first.").TakesPaging()
            .Answers(200, "A page of them.", new AdminIntegratorList([AdminExamples.Integrator], null), AdminJson.Default.AdminIntegratorList);
        group.MapGet("/{id}", Get).Says("GetIntegrator", "One integrator, without keys", "With the sites it is paired with.").AnswersIntegrator();
        group.MapPatch("/{id}", PatchAsync).RequireRole(OperatorRole.Operator).Says("ChangeIntegrator", "Rename, enable, disable or limit an integrator", "What is absent stays. Empty lists and 0 take a limit away. In force when this answers.")
            .Asks("The changes.", new PatchIntegratorRequest(null, true, ["203.0.113.0/24"], ["Zedmed"], 50, 100_000), AdminJson.Default.PatchIntegratorRequest, optional: true)
            .AnswersIntegrator().Refuses(400, ErrorCodes.InvalidRequest, "rateLimit: is a number of requests per second from 1 to 100000; 0 takes the limit away.");
        group.MapDelete("/{id}", DeleteAsync).RequireRole(OperatorRole.Operator).Says("DeleteIntegrator", "Remove an integrator, its keys and pairings", "Its queued queries are cancelled.")
            .AnswersNothing(204, "Gone.").RefusesUnknown();
        group.MapPost("/{id}/keys/{slot}/rotate", RotateAsync).RequireRole(OperatorRole.Operator).Says("RotateKey", "Replace one key", "The old one is dead when this answers; the new one is shown this once.")
            .Answers(200, "The new key.", new RotatedKey("…"), AdminJson.Default.RotatedKey).RefusesUnknown();
        group.MapPut("/{id}/pairings/{siteId}", PairAsync).RequireRole(OperatorRole.Operator).Says("PairByOperator", "Pair without a code", "Repeating it changes nothing.").AnswersSite();
        group.MapDelete("/{id}/pairings/{siteId}", UnpairAsync).RequireRole(OperatorRole.Operator).Says("UnpairByOperator", "Take a pairing away", "The integrator's queued queries at the site are cancelled.")
            .AnswersNothing(200, "Not paired any more.").RefusesUnknown();
    }

    static async Task<IResult> CreateAsync(HttpContext http, IntegratorRegistry registry)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.CreateIntegratorRequest);
        if ((refusal ?? NameFault(body!.Name)) is { } fault)
            return fault.ToResult();
        var created = await registry.CreateAsync(body!.Name!.Trim(), http.Deed());
        http.Response.Headers.Location = $"/admin/v1/integrators/{created.Id}";
        return TypedResults.Json(created, AdminJson.Default.NewIntegrator, statusCode: 201);
    }

    static IResult List(HttpContext http, IntegratorDirectory directory)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (items, next) = page.Take(directory.All, i => i.Id);
        return TypedResults.Json(new AdminIntegratorList([.. items.Select(i => Show(i, directory))], next), AdminJson.Default.AdminIntegratorList);
    }

    static IResult Get(string id, IntegratorDirectory directory)
    {
        var (integrator, notFound) = Find(directory, id);
        return integrator is null ? notFound!.ToResult() : TypedResults.Json(Show(integrator, directory), AdminJson.Default.AdminIntegrator);
    }

    static async Task<IResult> PatchAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!.ToResult();
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.PatchIntegratorRequest);
        if (body is null)
            return refusal!.ToResult();
        var (rules, faults) = IntegratorPatch.Apply(integrator.Rules, body);
        if (rules is null)
            return Refusal.Invalid(faults).ToResult();
        var changed = await registry.ChangeAsync(integrator.Id, body.Name?.Trim() ?? integrator.Name, body.Enabled ?? integrator.Enabled, rules, http.Deed());
        return changed is null ? Refusal.RemovedMeanwhile.ToResult() : TypedResults.Json(Show(changed, directory), AdminJson.Default.AdminIntegrator);
    }

    static async Task<IResult> DeleteAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!.ToResult();
        await registry.DeleteAsync(integrator.Id, http.Deed());
        return TypedResults.NoContent();
    }

    static async Task<IResult> RotateAsync(HttpContext http, string id, string slot, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!.ToResult();
        if (!SubscriptionKey.Slots.Contains(slot))
            return Refusal.NotFound("An integrator has a primary and a secondary key, no other.").ToResult();
        return TypedResults.Json(new RotatedKey(await registry.RotateAsync(integrator.Id, slot, http.Deed())), AdminJson.Default.RotatedKey);
    }

    static async Task<IResult> PairAsync(HttpContext http, string id, string siteId, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access, AdminSites view)
    {
        var (integrator, noIntegrator) = Find(directory, id);
        var (site, noSite) = access.Find(siteId);
        if (integrator is null || site is null)
            return (noIntegrator ?? noSite!).ToResult();
        await registry.PairAsync(integrator.Id, site.Id, http.Deed());
        return TypedResults.Json(view.Show(site), AdminJson.Default.AdminSite);
    }

    static async Task<IResult> UnpairAsync(HttpContext http, string id, string siteId, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access)
    {
        var (integrator, noIntegrator) = Find(directory, id);
        var (site, noSite) = access.Find(siteId);
        if (integrator is null || site is null)
            return (noIntegrator ?? noSite!).ToResult();
        await registry.UnpairAsync(integrator.Id, site.Id, http.Deed());
        return TypedResults.Ok();
    }

    static (Integrator? Integrator, Refusal? Refusal) Find(IntegratorDirectory directory, string id) =>
        Guid.TryParse(id, out var guid) && directory.Find(guid) is { } found
            ? (found, null)
            : (null, Refusal.NotFound("There is no such integrator. GET /admin/v1/integrators lists them."));

    static Refusal? NameFault(string? name) =>
        IntegratorPatch.IsName(name) ? null : Refusal.Invalid("name", "is required, with 1 to 200 characters.");

    static AdminIntegrator Show(Integrator i, IntegratorDirectory directory) => new(i.Id, i.Name, i.Enabled, i.CreatedAt, [.. i.Sites.Order()])
    {
        AllowedAddresses = [.. i.Rules.AllowedAddresses.Select(a => a.ToString())],
        PairWithoutCode = i.Rules.PairWithoutCode,
        RateLimit = i.Rules.RateLimit,
        Quota = i.Rules.Quota,
        Keys = [.. i.Keys.Select(k => new AdminIntegratorKey(k.Slot, k.CreatedAt) { LastUsedAt = directory.LastUseOf(k)?.At, LastUsedFrom = directory.LastUseOf(k)?.From })],
    };
}
