using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Errors;

public class ErrorShapeTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task An_unknown_route_is_told_in_the_contracts_shape()
    {
        using var response = await _host.SendAsync(HttpMethod.Get, "/nowhere");
        var error = await response.ErrorAsync(404);
        Assert.Equal(ErrorCodes.NotFound, error.Code);
        Assert.Equal("Not Found", error.StatusText);
        Assert.NotNull(error.TraceId);
    }

    [Fact]
    public async Task A_wrong_method_names_the_right_one()
    {
        using var response = await _host.SendAsync(HttpMethod.Put, "/health/live", "{}");
        Assert.Contains("GET", (await response.ErrorAsync(405)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_without_a_key_says_how_to_send_one()
    {
        using var response = await _host.SendAsync(HttpMethod.Get, "/integrator/sites");
        var error = await response.ErrorAsync(401);
        Assert.Equal(ErrorCodes.KeyMissing, error.Code);
        Assert.Contains("Ocp-Apim-Subscription-Key", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/integrator/sites/1/queries/immediate", false)]
    [InlineData("POST", "/integrator/sites/1/queries", false)]
    [InlineData("GET", "/integrator/sites/1/queries", true)]
    [InlineData("POST", "/admin/v1/integrators", true)]
    public async Task A_failure_advises_a_repeat_only_where_nothing_can_run_twice(string method, string path, bool advises)
    {
        var http = new DefaultHttpContext { Request = { Method = method, Path = path }, Response = { Body = new MemoryStream() } };
        await new ErrorShape(_ => throw new InvalidOperationException("x"), TimeProvider.System, NullLogger<ErrorShape>.Instance).InvokeAsync(http);
        http.Response.Body.Position = 0;
        var error = JsonSerializer.Deserialize(http.Response.Body, HaloJson.Default.ErrorResponse)!.Error;
        Assert.Equal((500, ErrorCodes.InternalError), (http.Response.StatusCode, error.Code));
        Assert.Equal(advises, error.Message.Contains("a repeat may succeed", StringComparison.Ordinal));
        Assert.Equal(!advises, error.Message.Contains("GET …/queries", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("POST", "/integrator/sites/1/queries/immediate", 500)]
    [InlineData("GET", "/integrator/sites/1/queries", 503)]
    [InlineData("POST", "/link/v1/token", 503)]
    public async Task A_store_that_is_away_is_503_except_where_something_may_have_run(string method, string path, int status)
    {
        var http = new DefaultHttpContext { Request = { Method = method, Path = path }, Response = { Body = new MemoryStream() } };
        await new ErrorShape(_ => throw new StorageException("x"), TimeProvider.System, NullLogger<ErrorShape>.Instance).InvokeAsync(http);
        Assert.Equal(status, http.Response.StatusCode);
        Assert.Equal(status == 503, http.Response.Headers.RetryAfter.Count == 1);
    }

    [Theory]
    [InlineData("POST", "/admin/v1/integrators", true, true)]
    [InlineData("POST", "/admin/v1/integrators", false, false)]
    [InlineData("DELETE", "/admin/v1/sites/1", false, false)]
    [InlineData("GET", "/admin/v1/sites", false, true)]
    public async Task A_store_that_went_away_did_nothing_only_where_that_is_proven(string method, string path, bool isProven, bool saysNothing)
    {
        var http = new DefaultHttpContext { Request = { Method = method, Path = path }, Response = { Body = new MemoryStream() } };
        await new ErrorShape(_ => throw new StorageException("x") { NothingStored = isProven }, TimeProvider.System, NullLogger<ErrorShape>.Instance).InvokeAsync(http);
        http.Response.Body.Position = 0;
        var error = JsonSerializer.Deserialize(http.Response.Body, HaloJson.Default.ErrorResponse)!.Error;
        Assert.Equal((503, 1), (http.Response.StatusCode, http.Response.Headers.RetryAfter.Count));
        Assert.Equal(saysNothing, error.Message.Contains("Nothing ran", StringComparison.Ordinal));
        Assert.Equal(!saysNothing, error.Message.Contains("not known whether this was done", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_even_the_page_for_an_error_fails_the_error_is_told_as_it_is_elsewhere()
    {
        var http = new DefaultHttpContext { Request = { Method = "GET", Path = "/console" }, Response = { Body = new MemoryStream() } };
        http.Features.Set<IErrorPages>(new BrokenPages());
        await new ErrorShape(_ => throw new InvalidOperationException("x"), TimeProvider.System, NullLogger<ErrorShape>.Instance).InvokeAsync(http);
        http.Response.Body.Position = 0;
        Assert.Equal((500, ErrorCodes.InternalError), (http.Response.StatusCode, JsonSerializer.Deserialize(http.Response.Body, HaloJson.Default.ErrorResponse)!.Error.Code));
    }

    sealed class BrokenPages : IErrorPages
    {
        public Task WriteAsync(HttpContext http, Refusal refusal) => throw new InvalidOperationException("y");
    }

    [Fact]
    public async Task A_caller_whose_line_broke_is_not_a_failure_of_the_service()
    {
        var http = new DefaultHttpContext();
        await new ErrorShape(_ => throw new ConnectionResetException("x"), TimeProvider.System, NullLogger<ErrorShape>.Instance).InvokeAsync(http);
        Assert.Equal(200, http.Response.StatusCode);
    }

    [Theory]
    [InlineData("wrong")]
    [InlineData("Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm8")]
    public async Task A_wrong_key_opens_nothing(string key)
    {
        using var response = await _host.SendAsync(HttpMethod.Get, "/integrator/sites", key: key);
        Assert.Equal(ErrorCodes.KeyInvalid, (await response.ErrorAsync(401)).Code);
    }

    [Fact]
    public async Task Broken_json_is_a_400_that_says_where()
    {
        using var response = await _host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", """{ "name": """, adminKey: ApiHost.AdminKey);
        Assert.Contains("line 1", (await response.ErrorAsync(400)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_no_json_is_a_415()
    {
        using var response = await _host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", "name=x", adminKey: ApiHost.AdminKey, type: "text/plain");
        await response.ErrorAsync(415);
    }

    [Fact]
    public async Task A_form_whose_type_comes_twice_is_a_400()
    {
        using var form = new StringContent("grant_type=x&assertion=y");
        form.Headers.Remove("Content-Type");
        form.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded, SELECT 1; SELECT 2");
        using var response = await _host.Client.PostAsync(new Uri("/link/v1/token", UriKind.Relative), form);
        Assert.Equal(ErrorCodes.InvalidRequest, (await response.ErrorAsync(400)).Code);
    }

    [Fact]
    public async Task Missing_search_parameters_are_told_both_at_once()
    {
        var (_, key, _) = await _host.CreateIntegratorAsync();
        using var response = await _host.SendAsync(HttpMethod.Get, "/integrator/sites?practiceManagementSiteId=&practiceManagementName=", key: key);
        Assert.Equal(["practiceManagementSiteId", "practiceManagementName"], (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
    }

    [Theory]
    [InlineData("not-a-uuid")]
    [InlineData("00000000-0000-0000-0000-000000000001")]
    public async Task An_unknown_site_is_a_404_that_says_how_to_find_one(string id)
    {
        var (_, key, _) = await _host.CreateIntegratorAsync();
        using var response = await _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{id}", key: key);
        Assert.Contains("GET /integrator/sites", (await response.ErrorAsync(404)).Message, StringComparison.Ordinal);
    }
}
