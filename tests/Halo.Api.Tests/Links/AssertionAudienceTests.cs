using System.Net;
using Halo.Api.Basics;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Enrolment;

namespace Halo.Api.Tests.Links;

/// <summary>A Link's signed assertion holds for the address that the Link dials, whatever the caller writes as <c>Host</c>.</summary>
public class AssertionAudienceTests
{
    const string Public = "https://halo.example";

    [Theory]
    [InlineData("elsewhere.example", "http://elsewhere.example", null)]
    [InlineData("elsewhere.example", "http://elsewhere.example", Public)]
    [InlineData("elsewhere.example:8443", "http://elsewhere.example:8443", Public)]
    [InlineData("halo.example", "http://halo.example", Public)]
    [InlineData("192.0.2.1", "http://192.0.2.1", null)]
    [InlineData("localhost.elsewhere.example", "http://localhost.elsewhere.example", null)]
    public async Task An_assertion_for_another_service_is_refused_also_with_that_services_name_as_host(string host, string audience, string? setting)
    {
        await using var api = await ApiHost.StartAsync(setting is null ? [] : [$"Halo:PublicAddress={setting}"]);
        await using var link = new SimulatedLink(api);
        using var enrolled = await link.EnrolAsync();
        using var refused = await AskAsync(api, host, link.Assertion(await link.NonceAsync(), audience));
        var error = await refused.ErrorAsync(401);
        Assert.Equal(ErrorCodes.LinkNotTrusted, error.Code);
        Assert.Contains("Halo:PublicAddress", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://halo.example", "https://halo.example")]
    [InlineData("https://Halo.Example:443/", "https://halo.example")]
    [InlineData("https://halo.example:8443/halo/", "https://halo.example:8443/halo")]
    [InlineData("https://old.example, https://halo.example", "https://halo.example")]
    [InlineData("https://old.example, https://halo.example", "https://old.example")]
    public async Task An_assertion_for_a_public_address_holds_whatever_host_a_proxy_writes(string setting, string audience)
    {
        await using var api = await ApiHost.StartAsync($"Halo:PublicAddress={setting}");
        await using var link = new SimulatedLink(api);
        using var enrolled = await link.EnrolAsync();
        using var granted = await AskAsync(api, "inside.example", link.Assertion(await link.NonceAsync(), audience));
        Assert.Equal(HttpStatusCode.OK, granted.StatusCode);
    }

    [Theory]
    [InlineData("https://elsewhere.example", 403)]
    [InlineData("http://halo.example", 403)]
    [InlineData("https://halo.example", 201)]
    [InlineData(null, 201)]
    public async Task An_enrolment_for_another_service_is_refused_and_one_of_an_older_Link_is_not(string? dialled, int status)
    {
        await using var api = await ApiHost.StartAsync($"Halo:PublicAddress={Public}");
        await using var link = new SimulatedLink(api);
        using var response = await link.EnrolAsync(api: dialled);
        Assert.Equal(status, (int)response.StatusCode);
        if (status == 403)
            Assert.Contains("Halo:PublicAddress", (await response.ErrorAsync(403)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:5080")]
    [InlineData("127.0.0.1:5080")]
    [InlineData("[::1]:5080")]
    public async Task On_loopback_the_address_need_not_be_told(string host)
    {
        await using var api = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(api);
        using var enrolled = await link.EnrolAsync();
        using var granted = await AskAsync(api, host, link.Assertion(await link.NonceAsync(), $"http://{host}"));
        Assert.Equal(HttpStatusCode.OK, granted.StatusCode);
    }

    [Theory]
    [InlineData("halo.example")]
    [InlineData("ftp://halo.example")]
    [InlineData("https://halo.example, nowhere")]
    [InlineData("https://somebody@halo.example")]
    public async Task An_address_that_is_none_is_named(string setting)
    {
        var refused = await Assert.ThrowsAsync<StartupException>(() => ApiHost.StartAsync($"Halo:PublicAddress={setting}"));
        Assert.Contains("Halo:PublicAddress", refused.Message, StringComparison.Ordinal);
    }

    static async Task<HttpResponseMessage> AskAsync(ApiHost api, string host, string assertion)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, LinkHttp.TokenPath)
        {
            Content = new FormUrlEncodedContent([new("grant_type", LinkHttp.JwtBearerGrant), new("assertion", assertion)]),
        };
        request.Headers.Host = host;
        return await api.Client.SendAsync(request);
    }
}
