using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Console.Tests;

/// <summary>Other sites cannot make a signed-in browser do anything, nor show the console in a frame.</summary>
public sealed class CrossSiteTests
{
    [Fact]
    public async Task A_form_is_taken_from_the_consoles_own_pages_with_the_sessions_token_alone()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        using var other = await ConsoleClient.SignInAsync(host);
        var (token, others) = (await client.FormTokenAsync(), await other.FormTokenAsync());
        Assert.NotEqual(token, others);
        foreach (var (form, from, site) in new (string?, string?, string?)[]
        {
            (null, "", "same-origin"), ("", "", "same-origin"), ("x", "", "same-origin"), (others, "", "same-origin"), (token + "A", "", "same-origin"),
            (token, "https://evil.example", "cross-site"), (token, "https://evil.example", null), (token, "null", null), (token, "null", "cross-site"),
            (token, null, "cross-site"), (token, null, "same-site"), (token, null, "none"), (token, "", "same-site"), (token, null, null),
            (token, $"http://127.0.0.1:{host.Address.Port + 1}", null), (token, $"http://127.0.0.1:{host.Address.Port}.evil.example", null),
        })
        {
            var fields = new Dictionary<string, string> { ["name"] = "Recalls" };
            if (form is not null)
                fields["_form"] = form;
            using var response = await client.PostAsync("/console/integrators/new", fields, from, site);
            Assert.True((int)response.StatusCode == 403, $"{form} from {from} {site} got {(int)response.StatusCode}");
        }
        Assert.Empty((await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators").EnumerateArray());
        // The last: behind a proxy that gives the service another host.
        foreach (var (from, site) in new (string?, string?)[] { ("", "same-origin"), ("", null), (null, "same-origin"), ("https://halo.example", "same-origin") })
        {
            using var taken = await client.PostAsync("/console/integrators/new", new() { ["name"] = "Recalls", ["_form"] = token }, from, site);
            Assert.Equal(200, (int)taken.StatusCode);
        }
    }

    [Fact]
    public async Task Nobody_is_signed_in_or_out_by_another_site()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        var token = client.Token;
        foreach (var path in (string[])["/console/sign-in", "/console/sign-out"])
        {
            using var response = await client.PostAsync(path, new() { ["key"] = ApiHost.AdminKey }, "https://evil.example", "cross-site");
            Assert.Equal(403, (int)response.StatusCode);
        }
        Assert.Equal(token, client.Token);
        Assert.Contains("Signed in as", await client.PageAsync("/console/profile"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_in_any_other_shape_is_refused()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        var token = await client.FormTokenAsync();
        using var tooLong = await client.PostAsync("/console/integrators/new", new() { ["_form"] = token, ["name"] = new('a', 64 * 1024) });
        Assert.Equal(400, (int)tooLong.StatusCode);
        using var nul = await client.PostAsync("/console/integrators/new", new() { ["_form"] = token, ["name"] = "a\0b" });
        Assert.Equal(400, (int)nul.StatusCode);
        using var fields = await client.PostAsync("/console/integrators/new", Enumerable.Range(0, 200).ToDictionary(i => $"f{i}", _ => "x"));
        Assert.Equal(400, (int)fields.StatusCode);
    }

    [Fact]
    public async Task Every_answer_keeps_out_of_frames_caches_and_foreign_scripts()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var signedIn = await ConsoleClient.SignInAsync(host);
        using var nobody = new ConsoleClient(host);
        var pages = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText!.StartsWith("/console", StringComparison.Ordinal) && e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Contains("GET"))
            .Select(e => System.Text.RegularExpressions.Regex.Replace(e.RoutePattern.RawText!, "{[^}]+}", Guid.Empty.ToString())).Append("/console/nowhere").ToList();
        Assert.True(pages.Count > 20);
        foreach (var client in (ConsoleClient[])[signedIn, nobody])
        {
            foreach (var path in pages)
            {
                using var response = await client.GetAsync(path);
                var isAsset = path.StartsWith("/console/assets/", StringComparison.Ordinal);
                Assert.True(isAsset || response.Headers.CacheControl is { NoStore: true }, path);
                Assert.Equal("DENY", Assert.Single(response.Headers.GetValues("X-Frame-Options")));
                Assert.Equal("same-origin", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
                Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
                var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
                Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
                foreach (var rule in (string[])["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "form-action 'self';", "base-uri 'none';"])
                    Assert.Contains(rule, policy, StringComparison.Ordinal);
                if (isAsset)
                    continue;
                var html = await response.Content.ReadAsStringAsync();
                Assert.DoesNotMatch("<script(?![^>]* src=)", html);
                Assert.DoesNotMatch("<style|\\sstyle=|\\son[a-z]+=|javascript:|https?://(?!127)", html);
            }
        }
    }
}
