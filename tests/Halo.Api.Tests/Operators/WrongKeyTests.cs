using System.Net;
using System.Net.Http.Headers;
using Halo.Api.Basics;
using Halo.Api.Operators;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Testing;

namespace Halo.Api.Tests.Operators;

public class WrongKeyTests
{
    const string MetricsKey = "scrapers-own-key-0123";

    [Theory]
    [InlineData("/admin/v1/sites", "/admin/v1/sites")]
    [InlineData("/metrics", "/metrics")]
    [InlineData("/admin/v1/sites", "/metrics")]
    [InlineData("/metrics", "/admin/v1/sites")]
    public async Task After_ten_wrong_keys_further_wrong_ones_wait_a_minute_and_the_right_one_passes(string guessed, string then)
    {
        await using var host = await ApiHost.StartAsync($"Halo:Telemetry:MetricsKey={MetricsKey}");
        for (var i = 0; i < 10; i++)
        {
            using var wrong = await host.SendAsync(HttpMethod.Get, guessed, adminKey: $"wrong-{i}");
            Assert.Equal(ErrorCodes.KeyInvalid, (await wrong.ErrorAsync(401)).Code);
        }
        using var slowed = await host.SendAsync(HttpMethod.Get, then, adminKey: "wrong");
        Assert.Equal(ErrorCodes.TooManyRequests, (await slowed.ErrorAsync(429)).Code);
        Assert.InRange(slowed.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        using var missing = await host.SendAsync(HttpMethod.Get, then);
        Assert.Equal(ErrorCodes.KeyMissing, (await missing.ErrorAsync(401)).Code);

        using var admin = await host.SendAsync(HttpMethod.Get, "/admin/v1/sites", adminKey: ApiHost.AdminKey);
        Assert.Equal(HttpStatusCode.OK, admin.StatusCode);
        using var metrics = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: ApiHost.AdminKey);
        Assert.Equal(HttpStatusCode.OK, metrics.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await ScrapeAsync(host, MetricsKey, null));
    }

    [Fact]
    public async Task Either_of_two_headers_with_the_right_key_opens_metrics()
    {
        await using var host = await ApiHost.StartAsync($"Halo:Telemetry:MetricsKey={MetricsKey}");
        Assert.Equal(HttpStatusCode.OK, await ScrapeAsync(host, "a-proxys-own-word", ApiHost.AdminKey));
        Assert.Equal(HttpStatusCode.OK, await ScrapeAsync(host, MetricsKey, "wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, await ScrapeAsync(host, "wrong", "wrong"));
    }

    [Fact]
    public void Guesses_from_other_addresses_and_earlier_minutes_do_not_count()
    {
        var time = new ManualTime();
        var limiter = new WrongKeyLimiter(time);
        for (var i = 0; i < 10; i++)
            Assert.Null(limiter.Count(IPAddress.Parse("192.0.2.1")));
        Assert.NotNull(limiter.Count(IPAddress.Parse("192.0.2.1")));
        Assert.NotNull(limiter.Count(IPAddress.Parse("::ffff:192.0.2.1")));
        Assert.Null(limiter.Count(IPAddress.Parse("192.0.2.2")));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(limiter.Count(IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void A_network_of_IPv6_counts_as_one_address()
    {
        var limiter = new WrongKeyLimiter(new ManualTime());
        for (var i = 0; i < 10; i++)
            Assert.Null(limiter.Count(IPAddress.Parse($"2001:db8::{i}")));
        Assert.NotNull(limiter.Count(IPAddress.Parse("2001:db8::ffff")));
        Assert.Null(limiter.Count(IPAddress.Parse("2001:db8:0:1::1")));
    }

    [Fact]
    public void Guesses_from_more_addresses_than_are_remembered_are_counted_together()
    {
        var limiter = new WrongKeyLimiter(new ManualTime());
        for (var i = 0; i < 1000; i++)
            Assert.Null(limiter.Count(new IPAddress([10, 0, (byte)(i / 250), (byte)(i % 250)])));
        for (var i = 0; i < 10; i++)
            Assert.Null(limiter.Count(new IPAddress([10, 1, 0, (byte)i])));
        Assert.NotNull(limiter.Count(new IPAddress([10, 2, 0, 1])));
        Assert.Null(limiter.Count(new IPAddress([10, 0, 0, 1])));
    }

    static async Task<HttpStatusCode> ScrapeAsync(ApiHost host, string bearer, string? adminKey)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        if (adminKey is not null)
            request.Headers.Add(AdminKey.Header, adminKey);
        using var response = await host.Client.SendAsync(request);
        return response.StatusCode;
    }
}
