using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Routing;

/// <summary>A request whose lines end otherwise than with CR LF is read differently by different servers: behind a proxy it could hide a second one.</summary>
public class LineEndsTests(OneHost one) : IClassFixture<OneHost>
{
    [Theory]
    [InlineData("GET /health/live HTTP/1.1\nHost: h\n\n")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 44\r\n\r\n")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: h\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: h\r\n\n")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: h\r\nX: a\rY: b\r\n\r\n")]
    [InlineData("POST /link/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\n{}\r\n0\r\n\r\n")]
    public async Task Other_line_ends_are_refused_and_end_the_connection(string request)
    {
        using var caller = await RawCaller.ConnectAsync(one.Host);
        await caller.SendAsync(request + "GET /health/live HTTP/1.1\r\nHost: second\r\n\r\n");
        var answer = await caller.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Equal(1, answer.Split("HTTP/1.1 ").Length - 1);
    }
}
