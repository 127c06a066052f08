using Halo.Api.Console.Parts;
using Halo.Api.Errors;
using Halo.Api.Operators;
using Halo.Api.Operators.Sessions;
using Halo.Api.Settings;

namespace Halo.Api.Console.Gate;

/// <summary>
/// Stands before every page of the console: who has no session signs in first, a form is taken from the console's own pages alone, and roles are those of the
/// admin API.
/// </summary>
sealed class ConsoleGate(RequestDelegate next, ConsoleSessions sessions, OperatorDirectory operators, AdminCallLog log, ApiOptions options)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var errors = new ErrorPages();
        http.Features.Set<IErrorPages>(errors);
        if (await RefuseAsync(http) is { } refused)
            await refused.ExecuteAsync(http);
        else
        {
            errors.IsUnderWay = true;
            await next(http);
        }
    }

    /// <returns>Null: the request may go on.</returns>
    async Task<IResult?> RefuseAsync(HttpContext http)
    {
        var isPost = HttpMethods.IsPost(http.Request.Method);
        if (isPost && !IsFromHere(http.Request))
            return Page.Message(403, "This form did not come from the console", "Open the console in this browser and try again from its own page.");
        if (http.GetEndpoint() is RouteEndpoint route && route.Metadata.GetMetadata<OpenToAll>() is not null)
        {
            await TakeSessionAsync(http);
            return isPost ? await TakeFormAsync(http) : null;
        }
        if (await TakeSessionAsync(http) is not { } session)
            return Page.Next(SignInAddress(http));
        var needed = RequiredRole.Of(http);
        if (http.Operator().Refuse(needed) is { } tooLow)
        {
            log.RoleTooLow(http.Operator().Current, needed, http);
            return Page.Message(403, "Your role does not reach this page", tooLow.Message);
        }
        if (http.GetEndpoint() is null)
            return Page.NotFound("There is no such page.");
        if (!isPost)
            return null;
        if (await TakeFormAsync(http) is { } malformed)
            return malformed;
        return session.HasFormToken(http.Form()[ConsoleForm.TokenField]) ? null
            : Page.Message(403, "This form is of another session", "You signed in again since the page was opened. Nothing was done: go back, reload the page and try again.");
    }

    async Task<ConsoleSession?> TakeSessionAsync(HttpContext http)
    {
        if (ConsoleCookie.Read(http) is not { } token || await sessions.FindAsync(token) is not { } session)
            return null;
        http.Features.Set(session);
        http.Features.Set(new OperatorCaller(operators, session.OperatorId, http.Connection.RemoteIpAddress));
        if (session.OperatorId is { } id && operators.FindValid(id) is { } known)
            operators.RecordUse(known, http.Connection.RemoteIpAddress);
        return session;
    }

    static async Task<IResult?> TakeFormAsync(HttpContext http)
    {
        var (form, fault) = await ConsoleForm.ReadAsync(http);
        http.Features.Set(form);
        return form is null ? Page.Message(400, "The form is malformed", fault!) : null;
    }

    /// <summary>
    /// Every browser says with a form where it comes from; what says nothing is none. Where it says that it is the same place it is believed: a proxy may give
    /// the service another host and scheme than the browser sees.
    /// </summary>
    bool IsFromHere(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"].ToString() is { Length: > 0 } site)
            return site == "same-origin";
        return Uri.TryCreate(request.Headers.Origin.ToString(), UriKind.Absolute, out var from)
            && (from.Authority.Equals(WithoutUsualPort(request.Host.Value), StringComparison.OrdinalIgnoreCase)
                || options.PublicAddresses.Any(a => Uri.TryCreate(a, UriKind.Absolute, out var known) && known.Authority.Equals(from.Authority, StringComparison.OrdinalIgnoreCase)));
    }

    static string WithoutUsualPort(string? host) => host is null ? ""
        : host.EndsWith(":443", StringComparison.Ordinal) ? host[..^4]
        : host.EndsWith(":80", StringComparison.Ordinal) ? host[..^3]
        : host;

    static string SignInAddress(HttpContext http)
    {
        var wanted = HttpMethods.IsGet(http.Request.Method) && http.Request.Path != "/console" ? http.Request.Path + http.Request.QueryString : "";
        return wanted.Length == 0 ? ConsolePaths.SignIn : $"{ConsolePaths.SignIn}?to={Uri.EscapeDataString(wanted)}";
    }
}

/// <summary>A route of the console that needs no session.</summary>
sealed record OpenToAll
{
    public static OpenToAll Instance { get; } = new();
}
