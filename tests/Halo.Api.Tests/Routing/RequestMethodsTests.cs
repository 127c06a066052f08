using Halo.Api.Results.Formats;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;

namespace Halo.Api.Tests.Routing;

/// <summary>Methods after RFC 9110: a true Allow, HEAD as GET, OPTIONS.</summary>
public class RequestMethodsTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Theory]
    [InlineData("GET", "/integrator/sites/{site}/queries/immediate", "POST")]
    [InlineData("DELETE", "/integrator/sites/{site}/queries/immediate", "POST")]
    [InlineData("GET", "/integrator/sites/{site}/queries/async", "POST")]
    [InlineData("GET", "/integrator/sites/{site}/queries/status", "POST")]
    [InlineData("DELETE", "/integrator/sites/{site}/queries/STATUS", "POST")]
    [InlineData("PUT", "/integrator/sites/{site}/queries", "DELETE, GET, HEAD, POST")]
    [InlineData("PATCH", "/integrator/sites/{site}/queries/7c0f1c1e-54a5-4b43-9f0e-0d4d4b8f6a11", "DELETE, GET, HEAD")]
    [InlineData("GET", "/integrator/pair-site", "POST")]
    [InlineData("POST", "/integrator/sites/{site}/queries/7c0f1c1e-54a5-4b43-9f0e-0d4d4b8f6a11/results", "DELETE, GET, HEAD")]
    public async Task What_a_path_does_not_take_is_405_with_what_it_takes(string method, string path, string allow)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await _host.SendAsync(new(method), path.Replace("{site}", site.Link.SiteId.ToString(), StringComparison.Ordinal), key: site.Key);

        Assert.Equal(ErrorCodes.MethodNotAllowed, (await response.ErrorAsync(405)).Code);
        Assert.Equal(allow, string.Join(", ", response.Content.Headers.Allow.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("POST", "/health/live", "GET, HEAD")]
    [InlineData("BREW", "/health/ready", "GET, HEAD")]
    [InlineData("POST", "/openapi/v1.json", "GET, HEAD")]
    [InlineData("DELETE", "/metrics", "GET, HEAD")]
    [InlineData("GET", "/link/v1/nonce", "POST")]
    public async Task So_it_is_on_every_route_of_the_service(string method, string path, string allow)
    {
        using var response = await _host.SendAsync(new(method), path);

        await response.ErrorAsync(405);
        Assert.Equal(allow, string.Join(", ", response.Content.Headers.Allow.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Who_has_no_key_is_told_that_first()
    {
        using var integrator = await _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{Guid.NewGuid()}/queries/immediate");
        using var admin = await _host.SendAsync(HttpMethod.Delete, "/admin/v1/usage");

        await integrator.ErrorAsync(401);
        await admin.ErrorAsync(401);
    }

    [Theory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/docs/index.html")]
    public async Task HEAD_is_answered_as_GET_without_its_body(string path)
    {
        using var get = await _host.SendAsync(HttpMethod.Get, path);
        using var head = await _host.SendAsync(HttpMethod.Head, path);

        Assert.Equal(200, (int)head.StatusCode);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task HEAD_of_a_call_with_a_key_is_answered_as_GET_too()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        using var known = await site.SendAsync(HttpMethod.Head, $"/{query.Id}");
        using var unknown = await site.SendAsync(HttpMethod.Head, $"/{Guid.NewGuid()}");
        using var noKey = await _host.SendAsync(HttpMethod.Head, "/integrator/limits");
        using var post = await site.SendAsync(HttpMethod.Head, "/immediate");

        Assert.Equal((200, 404, 401, 405), ((int)known.StatusCode, (int)unknown.StatusCode, (int)noKey.StatusCode, (int)post.StatusCode));
        Assert.Equal(["POST"], post.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("/health/live", "GET, HEAD, OPTIONS")]
    [InlineData("/integrator/limits", "GET, HEAD, OPTIONS")]
    [InlineData("/integrator/sites/x/queries/immediate", "OPTIONS, POST")]
    [InlineData("/admin/v1/sites/x/authority", "OPTIONS, PUT")]
    public async Task OPTIONS_says_what_a_path_takes_without_a_key(string path, string allow)
    {
        using var response = await _host.SendAsync(HttpMethod.Options, path);

        Assert.Equal(204, (int)response.StatusCode);
        Assert.Equal(allow, string.Join(", ", response.Content.Headers.Allow.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task OPTIONS_of_a_path_that_is_none_is_404()
    {
        using var response = await _host.SendAsync(HttpMethod.Options, "/nowhere");

        await response.ErrorAsync(404);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("identity, deflate")]
    public async Task A_compressed_body_is_415_that_says_what_is_supported(string coding)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        foreach (var (path, key) in new[] { ($"{site.Path}/immediate", site.Key), ($"{site.Path}/async", site.Key), ($"{site.Path}/status", site.Key), ("/admin/v1/integrators", null), ("/admin/v1/configuration", null) })
        {
            using var request = new HttpRequestMessage(path.EndsWith("configuration", StringComparison.Ordinal) ? HttpMethod.Put : HttpMethod.Post, path);
            request.Headers.Add(key is null ? "Halo-Admin-Key" : "Ocp-Apim-Subscription-Key", key ?? ApiHost.AdminKey);
            request.Content = new StringContent(PairedSite.SelectOne, System.Text.Encoding.UTF8, "application/json");
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
            using var response = await _host.Client.SendAsync(request);

            Assert.Equal(ErrorCodes.UnsupportedMediaType, (await response.ErrorAsync(415)).Code);
            Assert.Equal(["identity"], response.Headers.GetValues("Accept-Encoding"));
        }
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json; charset=iso-8859-1")]
    public async Task A_body_of_another_type_is_415_that_says_which_is_right(string type)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{site.Path}/immediate");
        request.Headers.Add("Ocp-Apim-Subscription-Key", site.Key);
        request.Content = new StringContent(PairedSite.SelectOne);
        request.Content.Headers.Remove("Content-Type");
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var response = await _host.Client.SendAsync(request);

        await response.ErrorAsync(415);
        Assert.Contains("application/json", string.Join(',', response.Headers.GetValues("Accept")), StringComparison.Ordinal);
    }
}
