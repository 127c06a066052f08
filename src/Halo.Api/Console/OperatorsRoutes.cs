using System.Globalization;
using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;
using Halo.Api.Operators;
using Halo.Contracts.Admin;

namespace Halo.Api.Console;

/// <summary>Who may operate the service, and what was done.</summary>
static class OperatorsRoutes
{
    const string Path = ConsolePaths.Operators, One = Path + "/{operatorId}";

    public static void MapOperators(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(ConsolePaths.Audit, () => Page.Of<AuditPage>());
        var owners = routes.MapGroup("").RequireRole(OperatorRole.Owner);
        owners.MapGet(Path, () => Page.Of<OperatorsPage>());
        owners.MapGet(Path + "/new", () => Page.Of<OperatorPage>());
        owners.MapPost(Path + "/new", CreateAsync);
        owners.MapGet(One, (string operatorId, OperatorDirectory operators) => With(operatorId, operators, id => Page.Of<OperatorPage>(new { Id = id })));
        owners.MapPost(One, ChangeAsync);
        owners.MapGet(One + "/rotate", (string operatorId, OperatorDirectory operators) => With(operatorId, operators, id => Page.Of<OperatorDecisionPage>(new { Id = id, Decision = "rotate" })));
        owners.MapPost(One + "/rotate", RotateAsync);
        owners.MapGet(One + "/revoke", (string operatorId, OperatorDirectory operators) => With(operatorId, operators, id => Page.Of<OperatorDecisionPage>(new { Id = id, Decision = "revoke" })));
        owners.MapPost(One + "/revoke", RevokeAsync);
    }

    static async Task<IResult> CreateAsync(HttpContext http, OperatorRegistry registry, TimeProvider time)
    {
        var (name, role, end, malformed) = Read(http);
        var faults = OperatorCheck.FaultsOf(name, role, end, time);
        if (malformed is not null)
            faults.Add(new("expiresAt", malformed));
        if (faults.Count > 0)
            return Again(string.Join(' ', faults.Select(f => $"{Words.Sentence(f.Field)} {f.Message}")), 400);
        var (made, failure) = await registry.CreateAsync(name!, role!.Value, end, http.Deed());
        return made is null
            ? Again(OperatorCheck.TextOf(failure), 409)
            : Shown($"The key of {made.Name}", "Give it to the operator now: it is not shown again. It opens the console, and the admin API in the header Halo-Admin-Key.", made.Key, made.Id);

        IResult Again(string fault, int status) => Page.Of<OperatorPage>(new { Name = name, Role = role, Fault = fault }, status);
    }

    static Task<IResult> ChangeAsync(HttpContext http, string operatorId, OperatorDirectory operators, OperatorRegistry registry, TimeProvider time) => WithAsync(operatorId, operators, async id =>
    {
        if (FormMark.Refuse(http, OperatorPage.MarkOf(operators.Find(id)!)) is { } stale)
            return stale;
        var (_, role, end, malformed) = Read(http);
        if (role is null)
            return Page.Of<OperatorPage>(new { Id = id, Fault = "Choose a role: viewer, support, operator or owner." }, 400);
        if (malformed is not null || OperatorCheck.IsPast(end, time))
            return Page.Of<OperatorPage>(new { Id = id, Role = role, Fault = $"Expires at {malformed ?? "must be later than now."}" }, 400);
        return await registry.ChangeAsync(id, role, end, http.Deed()) is null ? Unknown : Page.Next(ConsolePaths.Operator(id), "operator-changed");
    });

    static Task<IResult> RotateAsync(HttpContext http, string operatorId, OperatorDirectory operators, OperatorRegistry registry) => WithAsync(operatorId, operators, async id =>
        await registry.RotateAsync(id, http.Deed()) is { } key
            ? Shown($"The new key of {operators.Find(id)!.Name}", "Give it to the operator now: it is not shown again. The old one opens nothing any more.", key, id)
            : Unknown);

    static Task<IResult> RevokeAsync(HttpContext http, string operatorId, OperatorDirectory operators, OperatorRegistry registry) => WithAsync(operatorId, operators, async id =>
        await registry.RevokeAsync(id, http.Deed()) ? Page.Next(Path, "operator-revoked") : Unknown);

    static (string? Name, OperatorRole? Role, DateTimeOffset? ExpiresAt, string? Malformed) Read(HttpContext http)
    {
        var form = http.Form();
        OperatorRole? role = form["role"] is { } word && char.IsAsciiLetter(word[0]) && Enum.TryParse<OperatorRole>(word, ignoreCase: true, out var known) ? known : null;
        if (form["expiresAt"] is not { } text)
            return (form["name"], role, null, null);
        return DateTimeOffset.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var day)
            ? (form["name"], role, day, null) : (form["name"], role, null, "must be a day, as 2026-03-05.");
    }

    static IResult Shown(string title, string text, string key, Guid id) => Page.Of<SecretsPage>(new
    {
        Title = title,
        Section = "Operators",
        Text = text,
        Secrets = new Dictionary<string, string> { ["Key"] = key },
        Back = ConsolePaths.Operator(id),
    });

    static IResult Unknown => Page.NotFound("There is no such operator, or it was revoked.");

    static IResult With(string operatorId, OperatorDirectory operators, Func<Guid, IResult> show) => Guid.TryParse(operatorId, out var id) && operators.Find(id) is not null ? show(id) : Unknown;

    static async Task<IResult> WithAsync(string operatorId, OperatorDirectory operators, Func<Guid, Task<IResult>> act) =>
        Guid.TryParse(operatorId, out var id) && operators.Find(id) is not null ? await act(id) : Unknown;
}
