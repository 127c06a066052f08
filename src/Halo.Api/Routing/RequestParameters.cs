using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;

namespace Halo.Api.Routing;

/// <summary>
/// Query parameters that a route does not have, by what <see cref="Input"/> says of it. Operators are told always. Integrators are told of one that is
/// misspelt or in the wrong place; any other is let through for programs that were written for a newer version, and named in <c>notices</c>.
/// </summary>
static class RequestParameters
{
    const int LongestName = 64;
    const string Integrator = "/integrator", Operator = "/admin";

    static readonly object NoticesKey = new();

    /// <summary>Looks at the parameters of a request that has found its route.</summary>
    public static Task CheckAsync(HttpContext http, RequestDelegate next)
    {
        var isOperator = http.Request.Path.StartsWithSegments(Operator);
        if (http.Request.Query.Count == 0 || http.GetEndpoint() is not RouteEndpoint route || !isOperator && !http.Request.Path.StartsWithSegments(Integrator))
            return next(http);
        var known = NamesOf(route);
        var faults = new List<FieldError>();
        var notices = new List<Notice>();
        foreach (var name in http.Request.Query.Keys.Where(n => !known.Contains(n, StringComparer.OrdinalIgnoreCase)))
        {
            var shown = Shorten(name);
            var meant = NearestName.OneEditFrom(name, known);
            var inBody = FieldsOf(route).FirstOrDefault(f => f.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (meant is not null)
                faults.Add(new(shown, $"is no parameter of this call; did you mean {meant}?"));
            else if (inBody is not null)
                faults.Add(new(shown, $"is no parameter of this call; did you mean the field {inBody} of the body?"));
            else if (isOperator)
                faults.Add(new(shown, $"is no parameter of this call{(NearestName.To(name, known) is { } like ? $"; did you mean {like}?" : Choices(known))}"));
            else if (Elsewhere(http).Contains(name))
                faults.Add(new(shown, $"is a parameter of another call, not of this one{Choices(known)}"));
            else
                notices.Add(Notice.Of(NoticeCodes.UnknownParameter, $"The query parameter {shown} is not known to this version of the service and was ignored."));
        }
        if (faults.Count > 0)
            return Refusal.Invalid([.. faults.Take(Notice.Most)]).ExecuteAsync(http);
        if (notices.Count > 0)
            http.Items[NoticesKey] = notices;
        return next(http);
    }

    /// <summary>What was let through, for the answer.</summary>
    public static IReadOnlyList<Notice> NoticesOf(HttpContext http) => http.Items[NoticesKey] as List<Notice> ?? [];

    /// <summary>A name as it may stand in an answer.</summary>
    public static string Shorten(string name) => name.Length <= LongestName ? name : name[..LongestName] + "…";

    static string Choices(List<string> known) => known.Count == 0 ? "; it takes none." : $"; it takes {string.Join(", ", known)}.";

    static List<string> NamesOf(Endpoint route) => [.. route.Metadata.OfType<Input>().Where(i => i.In == ParameterLocation.Query).Select(i => i.Name)];

    /// <summary>The fields of the body, by name, where the route takes one.</summary>
    static IEnumerable<string> FieldsOf(Endpoint route) => route.Metadata.GetMetadata<IAcceptsMetadata>()?.RequestType is not { } body ? []
        : body == typeof(QueryRequest) ? QueryFields.Places.Keys
        : body.GetProperties().Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));

    /// <summary>The parameters of all calls of integrators.</summary>
    static HashSet<string> Elsewhere(HttpContext http) => http.RequestServices.GetRequiredService<IEnumerable<EndpointDataSource>>()
        .SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
        .Where(e => e.RoutePattern.RawText?.TrimStart('/').StartsWith(Integrator[1..], StringComparison.Ordinal) == true)
        .SelectMany(NamesOf).ToHashSet(StringComparer.OrdinalIgnoreCase);
}
