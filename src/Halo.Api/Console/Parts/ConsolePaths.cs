using Microsoft.AspNetCore.WebUtilities;

namespace Halo.Api.Console.Parts;

/// <summary>Addresses of the console.</summary>
static class ConsolePaths
{
    public const string Root = "/console", SignIn = $"{Root}/sign-in", SignOut = $"{Root}/sign-out", Sites = $"{Root}/sites", Links = $"{Root}/links", Integrators = $"{Root}/integrators",
        Enrolment = $"{Root}/enrolment", Operators = $"{Root}/operators", Audit = $"{Root}/audit", Profile = $"{Root}/profile", Problems = $"{Root}/problems", Assets = $"{Root}/assets";

    public static string Site(Guid id) => $"{Sites}/{id}";

    public static string Link(Guid id) => $"{Links}/{id}";

    public static string Integrator(Guid id) => $"{Integrators}/{id}";

    public static string Operator(Guid id) => $"{Operators}/{id}";

    /// <summary>The present page with another value of one parameter; null takes it out.</summary>
    public static string With(HttpRequest request, string name, string? value)
    {
        var query = request.Query.Where(p => p.Key != name && p.Key != "done" && p.Value.ToString().Length > 0).Select(p => new KeyValuePair<string, string?>(p.Key, p.Value.ToString()));
        return QueryHelpers.AddQueryString(request.Path, value is null ? query : query.Append(new(name, value)));
    }

    /// <summary>Where to go after signing in: a page of the console, and nothing that a browser takes for another place.</summary>
    public static string Safe(string? wanted) =>
        wanted is not null && (wanted == Root || wanted.StartsWith(Root + "/", StringComparison.Ordinal) || wanted.StartsWith(Root + "?", StringComparison.Ordinal))
            && !wanted.Contains('\\', StringComparison.Ordinal) && wanted.All(c => c is > ' ' and < '\x7f') && !wanted.StartsWith(SignIn, StringComparison.Ordinal) && !wanted.StartsWith(SignOut, StringComparison.Ordinal) ? wanted : Root;
}
