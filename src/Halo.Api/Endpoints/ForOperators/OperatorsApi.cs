using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>Who may operate the service: people and programs with names, roles and keys of their own.</summary>
static class OperatorsApi
{
    static readonly AdminOperator Example = new(Examples.QueryId, "Ann", OperatorRole.Support, Examples.At, "operator")
    {
        ExpiresAt = Examples.At.AddDays(90),
        LastUsedAt = Examples.At.AddHours(2),
        LastUsedFrom = "203.0.113.7",
    };

    public static void MapOperatorsApi(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/admin/v1/me", (HttpContext http) => TypedResults.Json(ShowCaller(http.Operator()), AdminJson.Default.CurrentOperator)).WithTags("Operator: operators")
            .Says("GetCurrentOperator", "Whose key this is", "Name and role of the key that the call has.")
            .Answers(200, "The operator.", new CurrentOperator(Examples.QueryId, "Ann", OperatorRole.Support, Examples.At.AddDays(90)), AdminJson.Default.CurrentOperator);
        var operators = routes.MapGroup("/admin/v1/operators").WithTags("Operator: operators");
        operators.MapPost("", CreateAsync).RequireRole(OperatorRole.Owner)
            .Says("CreateOperator", "Make an operator", "The only time that its key is shown. It is sent in the header Halo-Admin-Key, as the admin key is.")
            .Asks("Who, and what it may do.", new CreateOperatorRequest("Ann", OperatorRole.Support, Examples.At.AddDays(90)), AdminJson.Default.CreateOperatorRequest)
            .Answers(201, "Made.", new NewOperator(Examples.QueryId, "Ann", OperatorRole.Support, "haloop_…", Examples.At.AddDays(90)), AdminJson.Default.NewOperator)
            .Sends(201, "Location", "The operator's address.")
            .Refuses(400, ErrorCodes.InvalidRequest, "role: is required: viewer, support, operator or owner.")
            .Refuses(409, ErrorCodes.Conflict, "The name was given before, or there are as many operators as may be.");
        operators.MapGet("", List).RequireRole(OperatorRole.Owner)
            .Says("ListOperators", "All operators, without keys", "Oldest first, revoked ones among them.").TakesPaging()
            .Answers(200, "A page of them.", new AdminOperatorList([Example], null), AdminJson.Default.AdminOperatorList);
        operators.MapGet("/{operatorId}", Get).RequireRole(OperatorRole.Owner)
            .Says("GetOperator", "One operator, without its key", "With when and from where its key was last used.")
            .Answers(200, "The operator.", Example, AdminJson.Default.AdminOperator).RefusesUnknown();
        operators.MapPatch("/{operatorId}", ChangeAsync).RequireRole(OperatorRole.Owner)
            .Says("ChangeOperator", "Change an operator's role or when its key ends", "What is absent stays. It applies when this answers.")
            .Asks("The changes.", new ChangeOperatorRequest(OperatorRole.Operator, Examples.At.AddDays(90)), AdminJson.Default.ChangeOperatorRequest)
            .Answers(200, "The operator as it is now.", Example, AdminJson.Default.AdminOperator)
            .Refuses(400, ErrorCodes.InvalidRequest, "expiresAt: must be later than now.").RefusesUnknown();
        operators.MapPost("/{operatorId}/rotate", RotateAsync).RequireRole(OperatorRole.Owner)
            .Says("RotateOperatorKey", "Replace an operator's key", "The old one no longer works when this answers; the new one is shown only once.")
            .Answers(200, "The new key.", new RotatedKey("haloop_…"), AdminJson.Default.RotatedKey).RefusesUnknown();
        operators.MapDelete("/{operatorId}", RevokeAsync).RequireRole(OperatorRole.Owner)
            .Says("RevokeOperator", "Revoke an operator's key", "It no longer works when this answers. The name stays taken, so that the audit log stays clear.")
            .AnswersNothing(204, "Revoked.").RefusesUnknown();
    }

    static async Task<IResult> CreateAsync(HttpContext http, OperatorRegistry registry, TimeProvider time)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.CreateOperatorRequest);
        if (body is null)
            return refusal!.ToResult();
        var name = body.Name?.Trim();
        var faults = OperatorCheck.FaultsOf(name, body.Role, body.ExpiresAt, time);
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        var (made, failure) = await registry.CreateAsync(name!, body.Role!.Value, body.ExpiresAt, http.Deed());
        if (made is null)
            return new Refusal(409, ErrorCodes.Conflict, OperatorCheck.TextOf(failure)).ToResult();
        http.Response.Headers.Location = $"/admin/v1/operators/{made.Id}";
        return TypedResults.Json(made, AdminJson.Default.NewOperator, statusCode: 201);
    }

    static IResult List(HttpContext http, OperatorDirectory operators)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (items, next) = page.Take(operators.All, o => o.Id);
        return TypedResults.Json(new AdminOperatorList([.. items.Select(Show)], next), AdminJson.Default.AdminOperatorList);
    }

    static IResult Get(string operatorId, OperatorDirectory operators) =>
        Guid.TryParse(operatorId, out var id) && operators.Find(id) is { } known ? TypedResults.Json(Show(known), AdminJson.Default.AdminOperator) : Unknown.ToResult();

    static async Task<IResult> ChangeAsync(HttpContext http, string operatorId, OperatorRegistry registry, TimeProvider time)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.ChangeOperatorRequest);
        if (body is null)
            return refusal!.ToResult();
        var faults = new List<FieldError>();
        if (body.Role is { } role && !Enum.IsDefined(role))
            faults.Add(new("role", "must be viewer, support, operator or owner."));
        if (OperatorCheck.IsPast(body.ExpiresAt, time))
            faults.Add(new("expiresAt", "must be later than now."));
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        return Guid.TryParse(operatorId, out var id) && await registry.ChangeAsync(id, body.Role, body.ExpiresAt, http.Deed()) is { } changed
            ? TypedResults.Json(Show(changed), AdminJson.Default.AdminOperator)
            : Unknown.ToResult();
    }

    static async Task<IResult> RotateAsync(HttpContext http, string operatorId, OperatorRegistry registry) =>
        Guid.TryParse(operatorId, out var id) && await registry.RotateAsync(id, http.Deed()) is { } key
            ? TypedResults.Json(new RotatedKey(key), AdminJson.Default.RotatedKey)
            : Unknown.ToResult();

    static async Task<IResult> RevokeAsync(HttpContext http, string operatorId, OperatorRegistry registry) =>
        Guid.TryParse(operatorId, out var id) && await registry.RevokeAsync(id, http.Deed()) ? TypedResults.NoContent() : Unknown.ToResult();

    static Refusal Unknown => Refusal.NotFound("There is no such operator, or it was revoked. GET /admin/v1/operators lists them.");

    static CurrentOperator ShowCaller(OperatorCaller caller)
    {
        var known = caller.Current;
        return new(caller.Id, caller.Id is null ? null : known.Name, known.Role, known.ExpiresAt);
    }

    static AdminOperator Show(Operator known) => new(known.Id, known.Name, known.Role, known.CreatedAt, known.CreatedBy)
    {
        ExpiresAt = known.ExpiresAt,
        RevokedAt = known.RevokedAt,
        LastUsedAt = known.LastUse?.At,
        LastUsedFrom = known.LastUse?.From,
    };
}
