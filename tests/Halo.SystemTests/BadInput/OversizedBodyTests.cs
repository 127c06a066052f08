using System.Net;
using System.Text;
using Halo.Contracts.Errors;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>A body over the limit is a 413 that its caller can read, although he sends first and reads then.</summary>
public sealed class OversizedBodyTests : IAsyncLifetime
{
    const int Limit = 1024 * 1024;
    HaloFixture _fixture = null!;
    IntegratorClient _integrator = null!;
    Guid _site;

    public async ValueTask InitializeAsync()
    {
        _fixture = await HaloFixture.StartAsync(("Halo__Limits__RequestBytes", $"{Limit}"));
        (_, var site, _integrator) = await _fixture.AddPairedAsync(new LinkSite("sqlite", _fixture.SqliteFile()));
        _site = site.Id;
    }

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(6 * Limit, false)]
    [InlineData(6 * Limit, true)]
    [InlineData(15 * Limit, false)]
    [InlineData(15 * Limit, true)]
    public async Task Some_MiB_too_many_are_heard_out_and_refused(int over, bool chunked)
    {
        foreach (var path in (string[])["immediate", "async"])
        {
            using var request = Request($"integrator/sites/{_site}/queries/{path}", Limit + over);
            request.Headers.TransferEncodingChunked = chunked;
            using var response = await _integrator.Http.SendAsync(request);
            await RefusedAsync(response);
            Assert.NotEqual(true, response.Headers.ConnectionClose);
        }
        Assert.Equal(HttpStatusCode.OK, (await _integrator.ImmediateAsync(_site, "SELECT 1")).Status);
    }

    [Fact]
    public async Task The_operators_side_does_the_same()
    {
        using var request = Request("admin/v1/integrators", 3 * Limit);
        using var response = await _fixture.Api.Admin.SendAsync(request);
        await RefusedAsync(response, 64 * 1024);
    }

    [Fact]
    public async Task Who_asks_first_is_refused_before_he_sends()
    {
        using var request = Request($"integrator/sites/{_site}/queries/immediate", 6 * Limit);
        request.Headers.ExpectContinue = true;
        using var response = await _integrator.Http.SendAsync(request);
        await RefusedAsync(response);
    }

    [Fact]
    public async Task Who_announces_far_too_much_is_not_heard_out()
    {
        using var request = Request($"integrator/sites/{_site}/queries/immediate", 200 * Limit);
        try
        {
            using var response = await _integrator.Http.SendAsync(request);
            await RefusedAsync(response);
        }
        catch (HttpRequestException)
        {
            // Cut off while he sent.
        }
        Assert.Equal(HttpStatusCode.OK, (await _integrator.ImmediateAsync(_site, "SELECT 1")).Status);
    }

    static HttpRequestMessage Request(string path, int bytes) => new(HttpMethod.Post, path)
    {
        Content = new ByteArrayContent(Encoding.ASCII.GetBytes(new string(' ', bytes))) { Headers = { ContentType = new("application/json") } },
    };

    static async Task RefusedAsync(HttpResponseMessage response, int limit = Limit)
    {
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
        Assert.True(answer.Status == HttpStatusCode.RequestEntityTooLarge, answer.ToString());
        Assert.Equal(ErrorCodes.RequestTooLarge, answer.Error.Code);
        Assert.Equal($"The request's body is over the limit of {limit} bytes. Split it into several requests; nothing was done.", answer.Error.Message);
    }
}
