using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Sites;
using Halo.Contracts.Errors;

namespace Halo.Api.Admin;

/// <summary>What an operator does with integrators.</summary>
public static class AdminIntegratorsApi
{
    public static void MapAdminIntegratorsApi(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/integrators").WithTags("Operator: integrators");
        group.MapPost("", CreateAsync).WithName("CreateIntegrator").WithSummary("Make an integrator; the only time that its keys are shown")
            .Accepts<CreateIntegratorRequest>("application/json").Produces<NewIntegrator>(201).Produces<ErrorResponse>(400);
        group.MapGet("", List).WithName("ListIntegrators").WithSummary("All integrators, without keys").Produces<AdminIntegratorList>();
        group.MapGet("/{id}", Get).WithName("GetIntegrator").WithSummary("One integrator, without keys")
            .Produces<AdminIntegrator>().Produces<ErrorResponse>(404);
        group.MapPatch("/{id}", PatchAsync).WithName("ChangeIntegrator").WithSummary("Rename, enable, disable or limit an integrator")
            .Accepts<PatchIntegratorRequest>("application/json").Produces<AdminIntegrator>().Produces<ErrorResponse>(400).Produces<ErrorResponse>(404);
        group.MapDelete("/{id}", DeleteAsync).WithName("DeleteIntegrator").WithSummary("Remove an integrator, its keys and pairings")
            .Produces(204).Produces<ErrorResponse>(404);
        group.MapPost("/{id}/keys/{slot}/rotate", RotateAsync).WithName("RotateKey").WithSummary("Replace one key; the old one is dead when this answers")
            .Produces<RotatedKey>().Produces<ErrorResponse>(404);
        group.MapPut("/{id}/pairings/{siteId}", PairAsync).WithName("PairByOperator").WithSummary("Pair without a code")
            .Produces<AdminSite>().Produces<ErrorResponse>(404);
        group.MapDelete("/{id}/pairings/{siteId}", UnpairAsync).WithName("UnpairByOperator").WithSummary("Take a pairing away")
            .Produces(200).Produces<ErrorResponse>(404);
    }

    static async Task<IResult> CreateAsync(HttpContext http, IntegratorRegistry registry)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.CreateIntegratorRequest);
        if ((refusal ?? NameFault(body!.Name)) is { } fault)
            return fault;
        var created = await registry.CreateAsync(body!.Name!.Trim());
        http.Response.Headers.Location = $"/admin/v1/integrators/{created.Id}";
        return TypedResults.Json(created, AdminJson.Default.NewIntegrator, statusCode: 201);
    }

    static IResult List(HttpContext http, IntegratorDirectory directory)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!;
        var (items, next) = page.Take(directory.All, i => i.Id);
        return TypedResults.Json(new AdminIntegratorList([.. items.Select(Show)], next), AdminJson.Default.AdminIntegratorList);
    }

    static IResult Get(string id, IntegratorDirectory directory)
    {
        var (integrator, notFound) = Find(directory, id);
        return integrator is null ? notFound! : TypedResults.Json(Show(integrator), AdminJson.Default.AdminIntegrator);
    }

    static async Task<IResult> PatchAsync(HttpContext http, string id, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!;
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.PatchIntegratorRequest);
        if (body is null)
            return refusal!;
        var (rules, faults) = IntegratorPatch.Apply(integrator.Rules, body);
        if (rules is null)
            return Refusal.Invalid(faults);
        var changed = await registry.ChangeAsync(integrator.Id, body.Name?.Trim() ?? integrator.Name, body.Enabled ?? integrator.Enabled, rules);
        return TypedResults.Json(Show(changed!), AdminJson.Default.AdminIntegrator);
    }

    static async Task<IResult> DeleteAsync(string id, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!;
        await registry.DeleteAsync(integrator.Id);
        return TypedResults.NoContent();
    }

    static async Task<IResult> RotateAsync(string id, string slot, IntegratorDirectory directory, IntegratorRegistry registry)
    {
        var (integrator, notFound) = Find(directory, id);
        if (integrator is null)
            return notFound!;
        if (!SubscriptionKey.Slots.Contains(slot))
            return Refusal.NotFound("An integrator has a primary and a secondary key, no other.");
        return TypedResults.Json(new RotatedKey(await registry.RotateAsync(integrator.Id, slot)), AdminJson.Default.RotatedKey);
    }

    static async Task<IResult> PairAsync(string id, string siteId, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access, AdminSites view)
    {
        var (integrator, noIntegrator) = Find(directory, id);
        var (site, noSite) = access.Find(siteId);
        if (integrator is null || site is null)
            return noIntegrator ?? noSite!;
        await registry.PairAsync(integrator.Id, site.Id, "operator");
        return TypedResults.Json(view.Show(site), AdminJson.Default.AdminSite);
    }

    static async Task<IResult> UnpairAsync(string id, string siteId, IntegratorDirectory directory, IntegratorRegistry registry, SiteAccess access)
    {
        var (integrator, noIntegrator) = Find(directory, id);
        var (site, noSite) = access.Find(siteId);
        if (integrator is null || site is null)
            return noIntegrator ?? noSite!;
        await registry.UnpairAsync(integrator.Id, site.Id);
        return TypedResults.Ok();
    }

    static (Integrator? Integrator, Refusal? Refusal) Find(IntegratorDirectory directory, string id) =>
        Guid.TryParse(id, out var guid) && directory.Find(guid) is { } found
            ? (found, null)
            : (null, Refusal.NotFound("There is no such integrator. GET /admin/v1/integrators lists them."));

    static Refusal? NameFault(string? name) =>
        IntegratorPatch.IsName(name) ? null : Refusal.Invalid("name", "is required, with 1 to 200 characters.");

    static AdminIntegrator Show(Integrator i) => new(i.Id, i.Name, i.Enabled, i.CreatedAt, [.. i.Sites.Order()])
    {
        AllowedAddresses = [.. i.Rules.AllowedAddresses.Select(a => a.ToString())],
        PairWithoutCode = i.Rules.PairWithoutCode,
        RateLimit = i.Rules.RateLimit,
        Quota = i.Rules.Quota,
    };
}
