using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halo.Api.OpenApi;
using Halo.Api.Results.Formats;
using Halo.Api.Routing;
using Halo.Api.Tests.Hosting;
using Halo.Testing;

namespace Halo.Api.Tests.OpenApi;

public class DocumentTests(OneHost one) : IClassFixture<OneHost>
{
    const string Regenerate = "HALO_WRITE_OPENAPI=1 dotnet test --project tests/Halo.Api.Tests --filter-class '*DocumentTests'";
    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    static string CommittedPath => Path.Combine(Repository.Root, "docs", "openapi.json");

    async Task<JsonObject> ServedAsync() => JsonNode.Parse(await one.Host.Client.GetStringAsync("/openapi/v1.json"))!.AsObject();

    /// <summary>Each operation with its name, as "GET /path".</summary>
    static IEnumerable<(string Name, JsonObject Operation)> OperationsOf(JsonObject document) =>
        document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject().Select(o => ($"{o.Key.ToUpperInvariant()} {p.Key}", o.Value!.AsObject())));

    [Fact]
    public async Task The_committed_document_is_the_one_that_is_served()
    {
        var served = await ServedAsync();
        // Neither the build's number nor the test's port is part of the contract.
        served["info"]!["version"] = "1";
        served.Remove("servers");
        var text = served.ToJsonString(Indented) + "\n";
        if (Environment.GetEnvironmentVariable("HALO_WRITE_OPENAPI") == "1")
            await File.WriteAllTextAsync(CommittedPath, text);
        var committed = File.Exists(CommittedPath) ? await File.ReadAllTextAsync(CommittedPath) : "";
        var differs = text.Split('\n').Zip(committed.ReplaceLineEndings("\n").Split('\n')).FirstOrDefault(l => l.First != l.Second);
        Assert.True(text == committed.ReplaceLineEndings("\n"),
            $"docs/openapi.json is not what the service serves; the first line that differs is '{differs.First}', there '{differs.Second}'. Write it anew: {Regenerate}");
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData("[::1]:99999")]
    public async Task Whatever_the_caller_calls_the_host_the_document_is_the_same(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        request.Headers.TryAddWithoutValidation("Host", host);
        using var response = await one.Host.Client.SendAsync(request);
        Assert.DoesNotContain(host, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest, response.StatusCode.ToString());
    }

    [Fact]
    public async Task There_is_no_other_document()
    {
        using var response = await one.Host.Client.GetAsync(new Uri("/openapi/v2.json", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Every_operation_says_what_it_is_what_it_takes_and_what_it_answers()
    {
        var missing = new List<string>();
        foreach (var (name, operation) in OperationsOf(await ServedAsync()))
        {
            Need(Says(operation["summary"]) && Says(operation["description"]), name, "summary and description: .Says(name, summary, description)");
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
                Need(Says(parameter!["description"]) && parameter["schema"] is not null, name, $"parameter {parameter["name"]}: .Takes(Input…), or a line in Inputs.Paths");
            if (operation["requestBody"] is { } body)
                Need(Says(body["description"]) && body["content"]!.AsObject().All(c => HasExample(c.Value!)), name, "the body's meaning and example: .Asks(meaning, example, json)");
            var responses = operation["responses"]!.AsObject();
            Need(responses.Any(r => r.Key[0] is '2' or '3'), name, "an answer of success: .Answers(…) or .AnswersNothing(…)");
            foreach (var (status, response) in responses)
            {
                Need(Says(response!["description"]), name, $"{status}: what it means");
                foreach (var (type, media) in response["content"]?.AsObject() ?? [])
                    Need(media!["schema"] is JsonObject { Count: > 0 } && HasExample(media), name, $"{status} {type}: schema and example: .Answers(status, meaning, example, json) or .Refuses(status, code, message)");
            }
        }
        Assert.True(missing.Count == 0, string.Join('\n', missing));

        void Need(bool holds, string operation, string what)
        {
            if (!holds)
                missing.Add($"{operation} lacks {what}");
        }
    }

    [Fact]
    public async Task Every_field_and_every_type_has_a_description()
    {
        var missing = new List<string>();
        foreach (var (name, schema) in (await ServedAsync())["components"]!["schemas"]!.AsObject())
        {
            // The serializer's own types, which take any JSON.
            if (name is "JsonElement" or "JsonNode")
                continue;
            if (!Says(schema!["description"]))
                missing.Add(name);
            foreach (var (field, property) in schema["properties"]?.AsObject() ?? [])
            {
                if (!Says(property!["description"]) && !(property["oneOf"] as JsonArray ?? []).Any(o => Says(o!["description"])))
                    missing.Add($"{name}.{field}");
            }
        }
        Assert.True(missing.Count == 0, $"No documentation comment: {string.Join(", ", missing)}");
    }

    [Fact]
    public async Task Every_route_of_integrators_operators_and_health_is_described_and_those_of_Links_are_not()
    {
        var described = OperationsOf(await ServedAsync()).Select(o => o.Name).ToHashSet();
        var endpoints = ((IEnumerable<Microsoft.AspNetCore.Routing.EndpointDataSource>)one.Host.Services.GetService(typeof(IEnumerable<Microsoft.AspNetCore.Routing.EndpointDataSource>))!)
            .SelectMany(s => s.Endpoints).OfType<Microsoft.AspNetCore.Routing.RouteEndpoint>().ToList();
        var routes = endpoints
            .SelectMany(e => (e.Metadata.OfType<Microsoft.AspNetCore.Routing.HttpMethodMetadata>().FirstOrDefault()?.HttpMethods ?? [])
                .Select(m => $"{m} {string.Concat("/", e.RoutePattern.RawText!.Trim('/'))}"))
            .Where(r => r.Contains(" /integrator", StringComparison.Ordinal) || r.Contains(" /admin", StringComparison.Ordinal) || r.Contains(" /health", StringComparison.Ordinal))
            .ToHashSet();
        Assert.NotEmpty(routes);
        Assert.Empty(routes.Except(described));
        Assert.DoesNotContain(described, d => d.Contains("/link/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_error_says_one_of_the_closed_codes()
    {
        var codes = typeof(Halo.Contracts.Errors.ErrorCodes).GetFields().Concat(typeof(Halo.Contracts.Errors.FailureCodes).GetFields()).Select(f => (string)f.GetValue(null)!).ToHashSet();
        var shown = OperationsOf(await ServedAsync()).SelectMany(o => o.Operation["responses"]!.AsObject())
            .SelectMany(r => r.Value!["content"]?.AsObject().Select(c => c.Value!) ?? [])
            .SelectMany(m => m["examples"] is JsonObject several ? several.Select(e => e.Value!["value"]) : [m["example"]])
            .Select(e => (e as JsonObject)?["error"]?["code"]?.GetValue<string>()).OfType<string>().ToList();
        Assert.NotEmpty(shown);
        Assert.Empty(shown.Except(codes));
    }

    [Fact]
    public async Task The_page_to_read_it_loads_nothing_from_outside()
    {
        var page = await one.Host.Client.GetStringAsync("/docs");
        Assert.DoesNotMatch("""(src|href)\s*=\s*["'](https?:)?//""", page);
        // What it names is there; the last script, our own, says which document is shown and that nothing else is asked for.
        var scripts = Regex.Matches(page, "src=\"([^\"]+)\"").Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(["/docs/scalar.js", "/docs/start.js"], scripts);
        var texts = await Task.WhenAll(scripts.Select(one.Host.Client.GetStringAsync));
        Assert.Contains("createApiReference", texts[0], StringComparison.Ordinal);
        Assert.Contains("url: \"/openapi/v1.json\"", texts[1], StringComparison.Ordinal);
        foreach (var off in (string[])["withDefaultFonts: false", "telemetry: false", "proxyUrl: \"\"", "agent: { disabled: true }", "mcp: { disabled: true }"])
            Assert.Contains(off, texts[1], StringComparison.Ordinal);
    }

    static bool Says(JsonNode? text) => text is JsonValue value && !string.IsNullOrWhiteSpace(value.GetValue<string>());

    static bool HasExample(JsonNode media) => media["example"] is not null || media["examples"] is JsonObject { Count: > 0 };
}
