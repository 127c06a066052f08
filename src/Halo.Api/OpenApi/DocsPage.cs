using Microsoft.AspNetCore.Routing.Patterns;
using Scalar.AspNetCore;

namespace Halo.Api.OpenApi;

/// <summary>The page at <c>/docs</c>: Scalar's script, which its package brings along, and a page of our own around it.</summary>
/// <remarks>
/// Scalar's page has a script in itself, which the content security policy does not run. So its address gives this page, whose only scripts are files.
/// </remarks>
static class DocsPage
{
    const string Root = "/docs";
    const string Start = $"{Root}/start.js";

    const string Page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Halo API</title>
        <link rel="icon" href="data:,">
        </head>
        <body>
        <div id="app"></div>
        <script src="/docs/scalar.js"></script>
        <script src="/docs/start.js"></script>
        </body>
        </html>

        """;

    /// <summary>Nothing in it leads outside: no fonts, no proxy for requests, no statistics, no assistant.</summary>
    const string Script = $$"""
        Scalar.createApiReference("#app", {
          url: "{{Docs.Address}}",
          withDefaultFonts: false,
          telemetry: false,
          proxyUrl: "",
          hideClientButton: true,
          showDeveloperTools: "never",
          agent: { disabled: true },
          mcp: { disabled: true },
        });

        """;

    public static void MapDocsPage(this WebApplication app)
    {
        app.MapGet(Start, () => TypedResults.Text(Script, "text/javascript; charset=utf-8")).ExcludeFromDescription();
        app.MapGet(Root, ShowAsync).ExcludeFromDescription();
        // Of Scalar's routes the files are wanted: "/docs/scalar.js", with an ETag. Its page, for any name of a document, is ours under one name.
        app.MapScalarApiReference(Root).Add(endpoint =>
        {
            if (endpoint is RouteEndpointBuilder { RoutePattern.Parameters.Count: > 0 } page)
                (page.RoutePattern, page.RequestDelegate) = (RoutePatternFactory.Parse($"{Root}/index.html"), ShowAsync);
        });
    }

    static Task ShowAsync(HttpContext http)
    {
        http.Response.ContentType = "text/html; charset=utf-8";
        return http.Response.WriteAsync(Page);
    }
}
