using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Halo.Api.Integrators;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints;

/// <summary>Every route that the application really has × every kind of caller. A route without a row fails, so nobody adds one without saying who may call it.</summary>
public class RouteMatrixTests
{
    /// <summary>Parts of the pipeline that are no routes.</summary>
    static readonly string[] BesideRoutes = ["GET /metrics"];

    [Fact]
    public async Task Each_caller_gets_from_each_route_what_the_table_says()
    {
        await using var host = await ApiHost.StartAsync();
        await using var callers = await Callers.CreateAsync(host);
        var expected = RouteMatrix.Read([.. callers.All.Select(c => c.Name)]);
        var routes = RoutesOf(host).Concat(BesideRoutes).Order(StringComparer.Ordinal).ToList();
        var actual = new StringBuilder();
        var wrong = new List<string>();
        // What takes something away comes last.
        foreach (var route in routes.OrderBy(r => r.EndsWith("/uninstall", StringComparison.Ordinal) ? 2 : r.StartsWith("DELETE /admin", StringComparison.Ordinal) ? 1 : 0))
        {
            var row = new List<int>();
            foreach (var caller in callers.All)
                row.Add(await AskAsync(host, callers, caller, route));
            actual.Append(CultureInfo.InvariantCulture, $"\n{route} | {string.Join(' ', row)}");
            if (!expected.TryGetValue(route, out var should))
                wrong.Add($"{route} has no row in {nameof(RouteMatrix)}: say there what each caller gets.");
            else
            {
                wrong.AddRange(callers.All.Zip(should, row).Where(c => c.Second != c.Third)
                    .Select(c => $"{c.First.Name} at {route} is to get {c.Second} and got {c.Third}."));
            }
        }
        wrong.AddRange(expected.Keys.Except(routes).Select(r => $"{r} has a row and is no route."));
        Assert.True(wrong.Count == 0, $"{string.Join('\n', wrong)}\nAll that was answered:{actual}");
    }

    static IEnumerable<string> RoutesOf(ApiHost host) =>
        from route in host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        from method in route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["ANY"]
        select $"{method} {Path(route.RoutePattern)}";

    static string Path(RoutePattern pattern) => "/" + string.Join('/', pattern.PathSegments.Select(s => string.Concat(s.Parts.Select(p => p switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
        _ => "",
    }))));

    static async Task<int> AskAsync(ApiHost host, Callers callers, Caller caller, string route)
    {
        var (method, pattern) = (route.Split(' ')[0], route.Split(' ')[1]);
        var forOperators = pattern.StartsWith("/admin", StringComparison.Ordinal);
        var site = forOperators ? callers.Victim.Link.SiteId : caller.AtTheOtherSite ? callers.Other.SiteId : callers.Site.Link.SiteId;
        var path = pattern.Replace("{siteId}", site.ToString(), StringComparison.Ordinal)
            .Replace("{queryId}", callers.Claimed.QueryId.ToString(), StringComparison.Ordinal)
            .Replace("{pageNumber}", "1", StringComparison.Ordinal)
            .Replace("{id}", callers.Victim.Integrator.ToString(), StringComparison.Ordinal)
            .Replace("{linkId}", callers.Victim.Link.LinkId.ToString(), StringComparison.Ordinal)
            .Replace("{slot}", "primary", StringComparison.Ordinal);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        caller.Shows(request.Headers);
        Fill(request, pattern, callers);
        using var limit = new CancellationTokenSource(Eventually.Limit);
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        // The eleventh wrong key and those after it: refused all the same.
        return (int)response.StatusCode == 429 ? 401 : (int)response.StatusCode;
    }

    /// <summary>What a route needs to get as far as the caller may.</summary>
    static void Fill(HttpRequestMessage request, string pattern, Callers callers)
    {
        if (pattern == LinkHttp.SocketPath)
        {
            request.Headers.Connection.Add("Upgrade");
            request.Headers.Upgrade.Add(new("websocket"));
            request.Headers.Add("Sec-WebSocket-Version", "13");
            request.Headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            request.Headers.Add("Sec-WebSocket-Protocol", ProtocolLimits.Subprotocol);
        }
        else if (pattern.StartsWith("/link/v1/queries", StringComparison.Ordinal))
        {
            request.Content = new ByteArrayContent("no page"u8.ToArray());
            request.Content.Headers.ContentEncoding.Add("br");
            request.Content.Headers.Add("Content-Digest", $"sha-256=:{Convert.ToBase64String(new byte[32])}:");
            request.Headers.Add(LinkHttp.ClaimHeader, callers.Claimed.ClaimId.ToString());
            request.Headers.Add(LinkHttp.RowsStartHeader, "0");
            request.Headers.Add(LinkHttp.RowsCountHeader, "1");
            request.Headers.Add(LinkHttp.SizeHeader, "100");
        }
        else if (request.Method == HttpMethod.Post || request.Method == HttpMethod.Put || request.Method == HttpMethod.Patch)
            request.Content = new StringContent("{}", new MediaTypeHeaderValue("application/json"));
    }
}
