using System.Net;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>Every refusal has the general shape, and says what to do.</summary>
public sealed class RefusedRequestTests(SqliteHouse house) : IClassFixture<SqliteHouse>
{
    string Immediate => $"integrator/sites/{house.Site.Id}/queries/immediate";

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("[1, 2]")]
    [InlineData("\"SELECT 1\"")]
    [InlineData("{}")]
    [InlineData("{\"command\": \"SELECT 1\"}")]
    [InlineData("{\"command\": {\"text\": 1}}")]
    [InlineData("{\"command\": {\"text\": \"SELECT 1\", \"executionMode\": \"fast\"}}")]
    [InlineData("{\"command\": {\"text\": \"SELECT 1\", \"parameters\": [{\"name\": \"@a\", \"type\": \"Colour\"}]}}")]
    public async Task Wrong_JSON_is_400(string body)
    {
        Refused(await house.Integrator.SendAsync(HttpMethod.Post, Immediate, body), HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_is_415()
    {
        using var content = new StringContent("SELECT 1");
        using var response = await house.Integrator.Http.PostAsync(new Uri(Immediate, UriKind.Relative), content);
        Refused(new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers),
            HttpStatusCode.UnsupportedMediaType, ErrorCodes.UnsupportedMediaType);
    }

    [Theory]
    [InlineData("integrator/nothing/here")]
    [InlineData("nothing")]
    [InlineData("integrator/sites/not-an-id")]
    public async Task An_unknown_route_is_404(string path)
    {
        Refused(await house.Integrator.GetAsync(path), HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task A_wrong_method_is_405_and_names_the_right_one()
    {
        var answer = await house.Integrator.SendAsync(HttpMethod.Put, Immediate, "{}");
        Refused(answer, HttpStatusCode.MethodNotAllowed, ErrorCodes.MethodNotAllowed);
        Assert.Contains("POST", answer.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_site_is_404_and_named()
    {
        var unknown = Guid.CreateVersion7();
        foreach (var answer in (Answer[])[await house.Integrator.ImmediateAsync(unknown, "SELECT 1"), await house.Integrator.QueueAsync(unknown, "SELECT 1"),
            await house.Integrator.GetAsync($"integrator/sites/{unknown}")])
        {
            Refused(answer, HttpStatusCode.NotFound, ErrorCodes.NotFound);
            Assert.Contains(unknown.ToString(), answer.Error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_unknown_query_is_404()
    {
        Refused(await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{Guid.CreateVersion7()}"), HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task No_key_is_401_and_says_which_header()
    {
        using var http = new HttpClient { BaseAddress = house.Fixture.Api.Address };
        using var response = await http.GetAsync(new Uri($"integrator/sites/{house.Site.Id}", UriKind.Relative));
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
        Refused(answer, HttpStatusCode.Unauthorized, ErrorCodes.KeyMissing);
        Assert.Contains("Ocp-Apim-Subscription-Key", answer.Error.Message, StringComparison.Ordinal);
        Assert.Contains("missing", answer.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrong")]
    [InlineData("0123456789abcdef0123456789abcdef")]
    public async Task A_wrong_key_is_401(string key)
    {
        using var stranger = new IntegratorClient(house.Fixture.Api.Address, Guid.Empty, key);
        Refused(await stranger.GetAsync($"integrator/sites/{house.Site.Id}"), HttpStatusCode.Unauthorized, ErrorCodes.KeyInvalid);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    public async Task The_operators_side_needs_the_operators_key(string? key)
    {
        using var http = new HttpClient { BaseAddress = house.Fixture.Api.Address };
        if (key is not null)
            http.DefaultRequestHeaders.Add("Halo-Admin-Key", key);
        using var response = await http.GetAsync(new Uri("admin/v1/sites", UriKind.Relative));
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
        Refused(answer, HttpStatusCode.Unauthorized, key is null ? ErrorCodes.KeyMissing : ErrorCodes.KeyInvalid);
        Assert.Contains("Halo-Admin-Key", answer.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_site_that_is_not_paired_is_403_and_says_how_to_pair()
    {
        var other = await house.Fixture.MakeIntegratorAsync("Other");
        foreach (var answer in (Answer[])[await other.ImmediateAsync(house.Site.Id, "SELECT 1"), await other.QueueAsync(house.Site.Id, "SELECT 1")])
        {
            Refused(answer, HttpStatusCode.Forbidden, ErrorCodes.NotPaired);
            Assert.Contains("pair", answer.Error.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t ")]
    public async Task Blank_SQL_is_400_and_names_the_field(string sql)
    {
        foreach (var answer in (Answer[])[await house.Integrator.ImmediateAsync(house.Site.Id, sql), await house.Integrator.QueueAsync(house.Site.Id, sql)])
        {
            Refused(answer, HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
            Assert.Contains(answer.Error.Errors!, e => e.Field == "command.text" && e.Message.Length > 0);
        }
    }

    [Fact]
    public async Task Every_fault_is_told_at_once()
    {
        var answer = await house.Integrator.SendAsync(HttpMethod.Post, Immediate,
            """{"maxTimeInQueue": -1, "command": {"text": " ", "parameters": [{"name": ""}]}}""");
        Refused(answer, HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
        Assert.Equal(["command.parameters[0].name", "command.text", "maxTimeInQueue"], answer.Error.Errors!.Select(e => e.Field).Order(StringComparer.Ordinal));
    }

    static void Refused(Answer answer, HttpStatusCode status, string code)
    {
        Assert.True(answer.Status == status, answer.ToString());
        using var body = JsonDocument.Parse(answer.Body);
        Assert.Equal(["error"], body.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal((int)status, answer.Error.Status);
        Assert.NotEmpty(answer.Error.StatusText);
        Assert.NotEmpty(answer.Error.Message);
        Assert.NotEmpty(answer.Error.TraceId!);
        Assert.Equal(code, answer.Error.Code);
        Assert.DoesNotContain("   at ", answer.Body, StringComparison.Ordinal);
    }
}
