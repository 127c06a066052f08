using Halo.Link.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Transport;

/// <summary>What the other end, or a proxy before it, says of when to come again.</summary>
public class RetryAfterTests
{
    [Theory]
    [InlineData("0", 1)]
    [InlineData("1", 1)]
    [InlineData("5", 5)]
    [InlineData("600", 600)]
    [InlineData("86400", 600)]
    [InlineData("2147483647", 600)]
    [InlineData("soon", null)]
    public async Task It_is_followed_within_reason(string asked, int? seconds)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.Run(http =>
        {
            (http.Response.StatusCode, http.Response.Headers.RetryAfter) = (503, asked);
            return Task.CompletedTask;
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var api = new Uri(app.Urls.First());
        using var handler = LinkHttpClient.CreateHandler(api);
        using var http = LinkHttpClient.CreateClient(api, handler);
        var refused = await Assert.ThrowsAsync<ApiRefusedException>(() => new LinkHttpClient(http, TimeProvider.System).NonceAsync(TestContext.Current.CancellationToken));
        Assert.Equal(seconds, (int?)refused.RetryAfter?.TotalSeconds);
    }
}
