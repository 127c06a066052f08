using System.Diagnostics;

namespace Halo.Api.Observability;

/// <summary>Gives the web server's span its name and the tags of OpenTelemetry's conventions: the route, never the path or the query string.</summary>
sealed class RequestSpans(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext http)
    {
        await next(http);
        if (Activity.Current is not { IsAllDataRequested: true } span)
            return;
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? http.Request.Method : $"{http.Request.Method} {route}";
        span.SetTag("http.request.method", http.Request.Method).SetTag("http.route", route)
            .SetTag("http.response.status_code", http.Response.StatusCode);
        if (http.Response.StatusCode >= 500)
            span.SetStatus(ActivityStatusCode.Error);
    }
}
