namespace Halo.Api.Transport;

/// <summary>Headers that every answer carries, whoever wrote it: nothing is stored, guessed at, framed or told to other sites.</summary>
/// <remarks>Written as the answer starts, since error answers are cleared and written anew on their way out.</remarks>
sealed class SecurityHeaders(RequestDelegate next)
{
    /// <summary>For the page under <c>/docs</c>, whose script sets styles on elements.</summary>
    const string DocsPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>For the console: nothing inline, nothing from outside, and forms that go nowhere else. Its style sheet has small pictures in itself.</summary>
    const string ConsolePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>For everything else, which no browser is to show.</summary>
    const string ApiPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    const string OneYear = "max-age=31536000";

    public Task InvokeAsync(HttpContext http)
    {
        http.Response.OnStarting(Add, http);
        return next(http);
    }

    static Task Add(object state)
    {
        var http = (HttpContext)state;
        var headers = http.Response.Headers;
        var isDocs = http.Request.Path.StartsWithSegments("/docs");
        var isConsole = http.Request.Path.StartsWithSegments("/console");
        // The files of the docs page and of the console are the same for everybody and have their own ETags.
        if (!isDocs && !http.Request.Path.StartsWithSegments("/console/assets") || http.Response.StatusCode >= 400 || headers.CacheControl.Count == 0)
            headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        // Without a referrer a browser does not say where a form comes from either (Origin: null), and the console asks for that.
        headers["Referrer-Policy"] = isConsole ? "same-origin" : "no-referrer";
        headers.ContentSecurityPolicy = isDocs ? DocsPolicy : isConsole ? ConsolePolicy : ApiPolicy;
        headers.XFrameOptions = "DENY";
        // A browser would hold "localhost" to it on every port, other programs' too.
        if (http.Request.IsHttps && !http.Request.Host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            headers.StrictTransportSecurity = OneYear;
        return Task.CompletedTask;
    }
}
