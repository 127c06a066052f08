using Halo.Api.Tests.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Transport;

public class SecurityHeadersTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Theory]
    [InlineData(null)]
    [InlineData(ApiHost.AdminKey)]
    public async Task Every_route_answers_with_them(string? adminKey)
    {
        var routes = _host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            // The files of the page are everybody's, and have ETags of their own: see below.
            .Where(r => r.RoutePattern.Parameters.Count > 0 || r.RoutePattern.RawText?.StartsWith("/docs/", StringComparison.Ordinal) != true).ToList();
        Assert.True(routes.Count > 40);
        foreach (var route in routes)
        {
            var path = string.Join('/', route.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(p =>
                p is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content : "1"))));
            foreach (var method in route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods)
                await HasThemAsync(new HttpMethod(method), "/" + path, adminKey);
        }
    }

    [Theory]
    [InlineData("GET", "/nowhere")]
    [InlineData("GET", "/")]
    [InlineData("PUT", "/health/live")]
    [InlineData("GET", "/metrics")]
    [InlineData("POST", "/admin/v1/integrators")]
    [InlineData("GET", "/link/v1/socket")]
    [InlineData("GET", "/docs/nothing.js")]
    [InlineData("TRACE", "/health/live")]
    public Task Answers_that_are_no_routes_have_them_too(string method, string path) => HasThemAsync(new HttpMethod(method), path, ApiHost.AdminKey);

    [Theory]
    [InlineData("/docs")]
    [InlineData("/docs/")]
    [InlineData("/docs/index.html")]
    [InlineData("/docs/start.js")]
    [InlineData("/docs/scalar.js")]
    public async Task The_page_of_the_docs_runs_only_what_comes_with_it(string path)
    {
        using var response = await _host.SendAsync(HttpMethod.Get, path);
        Assert.Equal(200, (int)response.StatusCode);
        var policy = string.Join(';', response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe-eval", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        if (!path.EndsWith(".js", StringComparison.Ordinal))
            Assert.DoesNotMatch("<script(?![^>]* src=)", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Answers_with_rows_have_them_too()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using (var immediate = await asked)
            HasThem(immediate, 200, "an immediate query");
        var page = TestPage.Of("""[{"n":1},{"n":2}]""", 2);
        var (_, claim) = await site.QueueAndClaimAsync();
        using (var stored = await page.PutAsync(_host, site.Link, claim, 1))
            HasThem(stored, 200, "a page that came");
        var path = $"/{claim.QueryId}/results/1";
        using (var whole = await site.SendAsync(HttpMethod.Get, path))
            HasThem(whole, 200, "a page");
        using var stream = await site.SendAsync(HttpMethod.Get, path + "/stream");
        HasThem(stream, 200, "a page's stream");
        foreach (var (header, value, status) in new[] { ("Range", "bytes=0-3", 206), ("If-None-Match", stream.Headers.ETag!.ToString(), 304) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, site.Path + path + "/stream");
            request.Headers.Add("Ocp-Apim-Subscription-Key", site.Key);
            request.Headers.TryAddWithoutValidation(header, value);
            if (status == 206)
                request.Headers.Add("Accept-Encoding", "br");
            using var part = await _host.Client.SendAsync(request);
            HasThem(part, status, header);
        }
    }

    async Task HasThemAsync(HttpMethod method, string path, string? adminKey)
    {
        using var response = await _host.SendAsync(method, path, adminKey: adminKey);
        HasThem(response, (int)response.StatusCode, $"{method} {path}");
    }

    static void HasThem(HttpResponseMessage response, int status, string asked)
    {
        var what = $"{asked} answered {(int)response.StatusCode}";
        Assert.True((int)response.StatusCode == status, what);
        Assert.True(response.Headers.CacheControl is { NoStore: true }, what);
        Assert.True(Has("X-Content-Type-Options", "nosniff"), what);
        Assert.True(Has("Referrer-Policy", "no-referrer"), what);
        Assert.True(Has("X-Frame-Options", "DENY"), what);
        Assert.True(response.Headers.TryGetValues("Content-Security-Policy", out var policy) && policy.Single().Contains("frame-ancestors 'none'", StringComparison.Ordinal), what);
        // Said over TLS alone: over plain HTTP it means nothing.
        Assert.False(response.Headers.Contains("Strict-Transport-Security"), what);

        bool Has(string name, string value) => response.Headers.TryGetValues(name, out var values) && values.SequenceEqual([value]);
    }

    [Theory]
    [InlineData("https", "halo.example", true)]
    [InlineData("https", "127.0.0.1", true)]
    [InlineData("https", "localhost", false)]
    [InlineData("http", "halo.example", false)]
    public async Task Browsers_are_told_to_come_by_TLS_alone(string scheme, string host, bool told)
    {
        await using var behind = await ApiHost.StartAsync("Halo:TrustedProxies=127.0.0.1");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live");
        request.Headers.Host = host;
        request.Headers.Add("X-Forwarded-Proto", scheme);
        request.Headers.Add("X-Forwarded-For", "127.0.0.1");
        using var response = await behind.Client.SendAsync(request);
        Assert.Equal(told, response.Headers.Contains("Strict-Transport-Security"));
    }
}
