using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Routing;

/// <summary>
/// The methods of RFC 9110 that no route has to map: HEAD is answered as GET without its body, OPTIONS with the methods that the path takes, and what a
/// path does not take is a 405 that says what it does, even where a route with a parameter in that place would take it (<c>GET …/queries/immediate</c>).
/// </summary>
static class RequestMethods
{
    /// <summary>Before routing: HEAD and OPTIONS.</summary>
    public static Task AnswerSafeAsync(HttpContext http, RequestDelegate next)
    {
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            var ofServer = http.Request.Path.Value is null or "" or "*";
            if (ofServer || Table(http).MethodsOf(http.Request.Path) is not null)
            {
                http.Response.StatusCode = 204;
                http.Response.Headers.Allow = ofServer ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : $"{Allowed(http)}, OPTIONS";
                return Task.CompletedTask;
            }
        }
        // The server leaves the body out by the method that it has read.
        else if (HttpMethods.IsHead(http.Request.Method) && Table(http).MethodsOf(http.Request.Path) is { } methods && methods.Contains("GET"))
        {
            http.Request.Method = HttpMethods.Get;
            http.Items[HeadKey] = true;
        }
        return next(http);
    }

    /// <summary>Whether the caller wants the headers alone, for what would never end otherwise.</summary>
    public static bool IsHead(HttpContext http) => http.Items.ContainsKey(HeadKey);

    static readonly object HeadKey = new();

    /// <summary>After routing: what the path does not take. The endpoint is replaced, so that whoever lacks a key is told that first.</summary>
    public static Task RefuseOthersAsync(HttpContext http, RequestDelegate next)
    {
        var table = Table(http);
        if ((http.GetEndpoint() is not RouteEndpoint || HasLiteral(http.Request.RouteValues, table))
            && table.MethodsOf(http.Request.Path) is { } methods && !methods.Contains(http.Request.Method))
            http.SetEndpoint(NotAllowed);
        return next(http);
    }

    /// <summary>Whether a parameter of the route has taken what is a word of another route.</summary>
    static bool HasLiteral(RouteValueDictionary values, RouteTable table)
    {
        foreach (var (_, value) in values)
        {
            if (value is string text && table.HasLiteral(text))
                return true;
        }
        return false;
    }

    static readonly Endpoint NotAllowed = new(http =>
    {
        http.Response.Headers.Allow = Allowed(http);
        throw new RefusedException(new Refusal(405, ErrorCodes.MethodNotAllowed, $"{http.Request.Path} does not know {http.Request.Method}. It takes {Allowed(http)}."));
    }, new EndpointMetadataCollection(), "405 Method Not Allowed");

    static RouteTable Table(HttpContext http) => http.RequestServices.GetRequiredService<RouteTable>();

    static string Allowed(HttpContext http) => string.Join(", ", Table(http).MethodsOf(http.Request.Path)!.Order(StringComparer.Ordinal));
}
