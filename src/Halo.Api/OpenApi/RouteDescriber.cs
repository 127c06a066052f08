using System.Globalization;
using System.Text.Json.Nodes;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>Puts what <see cref="RouteWords"/> say of a route into its operation, and what holds of every route of its area.</summary>
sealed class RouteDescriber : IOpenApiOperationTransformer
{
    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var words = context.Description.ActionDescriptor.EndpointMetadata;
        DescribeInputs(operation, words.OfType<Input>().ToDictionary(i => i.Name));
        if (words.OfType<BodyWords>().LastOrDefault() is { } body && operation.RequestBody is OpenApiRequestBody request)
        {
            request.Description = body.Meaning;
            request.Required = body.Required;
            foreach (var media in request.Content!.Values)
                media.Example = body.Example.DeepClone();
        }
        var area = Area.Of(context.Description.RelativePath!);
        operation.Security = area.Scheme is { } scheme ? [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] }] : null;
        operation.Responses ??= [];
        foreach (var answers in area.Refusals.Where(r => !words.OfType<AnswerWords>().Any(w => w.Status == r.Status && w.Body == r.Body))
                     .Concat(words.OfType<AnswerWords>()).GroupBy(a => a.Status))
            operation.Responses[Text(answers.Key)] = Show([.. answers], context.Document!);
        foreach (var rows in words.OfType<RowsWords>())
            AddRows(operation.Responses, rows);
        foreach (var header in words.OfType<HeaderWords>())
            AddHeader(operation.Responses, header);
        operation.Responses = Ordered(operation.Responses);
        return Task.CompletedTask;
    }

    static void DescribeInputs(OpenApiOperation operation, Dictionary<string, Input> said)
    {
        var found = (operation.Parameters ?? []).Select(p => p.In == ParameterLocation.Path && !said.ContainsKey(p.Name!)
            ? Inputs.Paths.TryGetValue(p.Name!, out var path) ? path.Show() : p
            : said.Remove(p.Name!, out var input) ? input.Show() : p);
        operation.Parameters = [.. found, .. said.Values.Select(i => i.Show())];
    }

    static OpenApiResponse Show(IReadOnlyList<AnswerWords> answers, OpenApiDocument document)
    {
        var response = new OpenApiResponse { Description = string.Join("\n\n", answers.Select(a => a.Meaning)) };
        var bodies = answers.Where(a => a.Body is not null).ToList();
        if (bodies.Count == 0)
            return response;
        var types = bodies.Select(b => b.Body!).Distinct().Select(IOpenApiSchema (t) => new OpenApiSchemaReference(t.Name, document)).ToList();
        var media = new OpenApiMediaType { Schema = types.Count == 1 ? types[0] : new OpenApiSchema { OneOf = types } };
        if (bodies.Count == 1)
            media.Example = bodies[0].Example!.DeepClone();
        else
        {
            media.Examples = bodies.Select((b, i) => (Key: $"{i + 1}", Value: (IOpenApiExample)new OpenApiExample { Summary = b.Meaning, Value = b.Example!.DeepClone() }))
                .ToDictionary(e => e.Key, e => e.Value);
        }
        response.Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = media };
        return response;
    }

    static void AddRows(OpenApiResponses responses, RowsWords rows)
    {
        if (!responses.TryGetValue(Text(rows.Status), out var found) || found is not OpenApiResponse { Content: not null } response)
            responses[Text(rows.Status)] = response = new OpenApiResponse { Description = found?.Description, Content = new Dictionary<string, OpenApiMediaType>() };
        response.Description = response.Description is { Length: > 0 } before && before != ReasonPhrases.GetReasonPhrase(rows.Status)
            ? $"{before}\n\n{rows.Meaning}"
            : rows.Meaning;
        // One media type: generators make one type of all that an answer can be, and nothing can be done with "a query or a text". The others are told beside it.
        var shown = response.Content!.Count > 0 ? null : rows.Forms.FirstOrDefault(f => f.Example is JsonArray);
        if (shown is not null)
            response.Content[shown.MediaType] = new OpenApiMediaType { Schema = RowsSchema(), Example = shown.Example.DeepClone() };
        var others = rows.Forms.Where(f => f != shown).ToList();
        if (others.Count > 0)
        {
            response.Extensions ??= new Dictionary<string, IOpenApiExtension>();
            response.Extensions["x-other-media-types"] = new JsonNodeExtension(
                new JsonObject(others.Select(f => KeyValuePair.Create(f.MediaType, (JsonNode?)new JsonObject { ["example"] = f.Example.DeepClone() }))));
        }
    }

    static OpenApiSchema RowsSchema() => new()
    {
        Type = JsonSchemaType.Array,
        Items = new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema() },
    };

    static void AddHeader(OpenApiResponses responses, HeaderWords header)
    {
        if (!responses.TryGetValue(Text(header.Status), out var found) || found is not OpenApiResponse response)
            return;
        response.Headers ??= new Dictionary<string, IOpenApiHeader>();
        response.Headers[header.Name] = new OpenApiHeader { Description = header.Meaning, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
    }

    static OpenApiResponses Ordered(OpenApiResponses responses)
    {
        var ordered = new OpenApiResponses();
        foreach (var (status, response) in responses.OrderBy(r => r.Key, StringComparer.Ordinal))
            ordered[status] = response;
        return ordered;
    }

    static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);

    /// <summary>What holds of all routes under one root.</summary>
    /// <param name="Scheme">How a caller proves who it is.</param>
    /// <param name="Refusals">What each may answer, whatever it does.</param>
    sealed record Area(string? Scheme, IReadOnlyList<AnswerWords> Refusals)
    {
        static readonly AnswerWords Broken = RouteWords.Refusal(500, ErrorCodes.InternalError, "The service failed. Tell its operator the traceId.");
        static readonly AnswerWords TooFast = RouteWords.Refusal(429, ErrorCodes.TooManyRequests, "Too many requests; wait as Retry-After says (seconds).");

        static readonly Area Integrators = new("subscriptionKey",
        [
            RouteWords.Refusal(401, ErrorCodes.KeyInvalid, "The subscription key is missing (KeyMissing), unknown or revoked (KeyInvalid)."),
            RouteWords.Refusal(403, ErrorCodes.AddressNotAllowed, "Caller IP not allowed; or the integrator is disabled."),
            TooFast,
            Broken,
        ]);

        static readonly Area Operators = new("adminKey",
        [
            RouteWords.Refusal(401, ErrorCodes.KeyInvalid, "The operator's key is missing (KeyMissing), wrong, revoked or expired (KeyInvalid)."),
            RouteWords.Refusal(403, ErrorCodes.RoleTooLow, "The operator's role does not allow this call."),
            TooFast,
            Broken,
        ]);

        static readonly Area Everybody = new(null, []);

        public static Area Of(string path) =>
            path.StartsWith("integrator", StringComparison.Ordinal) ? Integrators : path.StartsWith("admin", StringComparison.Ordinal) ? Operators : Everybody;
    }
}
