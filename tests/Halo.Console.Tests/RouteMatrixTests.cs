using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Halo.Contracts.Admin;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Console.Tests;

/// <summary>Every route that the console really has × every role, and nobody. A route without a row fails.</summary>
public sealed class RouteMatrixTests
{
    /// <summary>The lowest role, <c>nobody</c> where no session is needed.</summary>
    const string Table =
        """
        GET  /console                                          viewer
        GET  /console/sign-in                                  nobody
        POST /console/sign-in                                  nobody
        POST /console/sign-out                                 viewer
        GET  /console/profile                                  viewer
        GET  /console/sites                                    viewer
        GET  /console/sites/{siteId}                           viewer
        GET  /console/sites/{siteId}/authority                 operator
        POST /console/sites/{siteId}/authority                 operator
        GET  /console/sites/{siteId}/confirm                   operator
        POST /console/sites/{siteId}/confirm                   operator
        GET  /console/sites/{siteId}/remove                    operator
        POST /console/sites/{siteId}/remove                    operator
        GET  /console/links                                    viewer
        GET  /console/links/{linkId}                           viewer
        GET  /console/links/{linkId}/approve                   operator
        POST /console/links/{linkId}/approve                   operator
        GET  /console/links/{linkId}/revoke                    operator
        POST /console/links/{linkId}/revoke                    operator
        GET  /console/enrolment                                operator
        POST /console/enrolment                                operator
        GET  /console/integrators                              viewer
        GET  /console/integrators/{id}                         viewer
        GET  /console/integrators/new                          operator
        POST /console/integrators/new                          operator
        GET  /console/integrators/{id}/change                  operator
        POST /console/integrators/{id}/change                  operator
        GET  /console/integrators/{id}/delete                  operator
        POST /console/integrators/{id}/delete                  operator
        GET  /console/integrators/{id}/keys/{slot}             operator
        POST /console/integrators/{id}/keys/{slot}             operator
        POST /console/integrators/{id}/sites                   operator
        GET  /console/integrators/{id}/sites/{siteId}/unpair   operator
        POST /console/integrators/{id}/sites/{siteId}/unpair   operator
        GET  /console/operators                                owner
        GET  /console/operators/new                            owner
        POST /console/operators/new                            owner
        GET  /console/operators/{operatorId}                   owner
        POST /console/operators/{operatorId}                   owner
        GET  /console/operators/{operatorId}/rotate            owner
        POST /console/operators/{operatorId}/rotate            owner
        GET  /console/operators/{operatorId}/revoke            owner
        POST /console/operators/{operatorId}/revoke            owner
        GET  /console/audit                                    viewer
        GET  /console/assets/console.css                       nobody
        GET  /console/assets/console.js                        nobody
        GET  /console/assets/halo.svg                          nobody
        GET  /console/assets/pico.min.css                      nobody
        """;

    static IReadOnlyDictionary<string, OperatorRole?> Rows { get; } = Table.Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        .ToDictionary(w => $"{w[0]} {w[1]}", w => Enum.TryParse<OperatorRole>(w[2], ignoreCase: true, out var role) ? role : (OperatorRole?)null);

    [Fact]
    public async Task Each_role_gets_as_far_as_the_table_says_and_no_further()
    {
        await using var host = await ConsoleHost.StartAsync();
        var routes = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText!.StartsWith("/console", StringComparison.Ordinal))
            .SelectMany(e => e.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["ANY"], (e, method) => $"{method} {e.RoutePattern.RawText}").ToHashSet();
        Assert.Equal(Rows.Keys.Order(StringComparer.Ordinal), routes.Order(StringComparer.Ordinal));

        var wrong = new List<string>();
        foreach (var role in (OperatorRole?[])[null, .. Enum.GetValues<OperatorRole>()])
        {
            using var client = role is { } known ? await ConsoleClient.SignInAsync(host, (await host.MakeOperatorAsync($"{known}", known)).Key) : new ConsoleClient(host);
            // What ends the session comes last.
            foreach (var (route, needed) in Rows.OrderBy(r => r.Key.EndsWith("/sign-out", StringComparison.Ordinal)))
            {
                // Of what is not there nothing can be taken away: who gets in is told 404 at the most.
                var (method, path) = (route.Split(' ')[0], System.Text.RegularExpressions.Regex.Replace(route.Split(' ')[1], "{[a-zA-Z]+}", Guid.Empty.ToString()));
                using var response = method == "GET" ? await client.GetAsync(path)
                    : role is null || path == "/console/sign-in" ? await client.PostAsync(path, new() { ["key"] = "no key" })
                    : await client.SubmitAsync(path);
                var (status, to) = ((int)response.StatusCode, response.Headers.Location?.ToString() ?? "");
                var isRefused = role is null ? status == 303 && to.StartsWith("/console/sign-in", StringComparison.Ordinal) : status == 403;
                if (isRefused == (needed is null || role >= needed) || status >= 500)
                    wrong.Add($"{role?.ToString() ?? "Nobody"} at {route}, which is for {needed?.ToString() ?? "all"}: {status} {to}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Acts_are_shown_to_those_who_may_do_them()
    {
        await using var host = await ConsoleHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var integrator = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators")[0].GetProperty("id").GetString();
        foreach (var role in Enum.GetValues<OperatorRole>())
        {
            using var client = await ConsoleClient.SignInAsync(host, (await host.MakeOperatorAsync($"{role}", role)).Key);
            var pages = string.Concat(await client.PageAsync("/console"), await client.PageAsync($"/console/sites/{site.Link.SiteId}"), await client.PageAsync($"/console/links/{site.Link.LinkId}"),
                await client.PageAsync("/console/integrators"), await client.PageAsync($"/console/integrators/{integrator}"));
            var forms = System.Text.RegularExpressions.Regex.Matches(pages, "(?:href|action)=\"(/console/[^\"?]+)").Select(m => m.Groups[1].Value)
                .Where(p => p.Contains("/remove", StringComparison.Ordinal) || p.Contains("/revoke", StringComparison.Ordinal) || p.Contains("/keys/", StringComparison.Ordinal)
                    || p.EndsWith("/new", StringComparison.Ordinal) || p.EndsWith("/unpair", StringComparison.Ordinal) || p.EndsWith("/change", StringComparison.Ordinal) || p == "/console/enrolment").Distinct();
            Assert.Equal(role >= OperatorRole.Operator ? 8 : 0, forms.Count());
            Assert.Equal(role == OperatorRole.Owner, pages.Contains("href=\"/console/operators\"", StringComparison.Ordinal));
        }
    }
}
