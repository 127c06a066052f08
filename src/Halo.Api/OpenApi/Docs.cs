using System.Text.Json.Serialization;
using Halo.Api.Basics;
using Halo.Api.Integrators;
using Halo.Api.Operators;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>The API's description at <c>/openapi/v1.json</c>, written once, and a page to read it at <c>/docs</c> that loads nothing from outside.</summary>
static class Docs
{
    const string Document = "v1";

    /// <summary>Where the description is.</summary>
    public const string Address = $"/openapi/{Document}.json";


    public static void AddHaloOpenApi(this IServiceCollection services)
    {
        // For the document alone: without it every number would be shown as "a number or a string".
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict);
        services.AddOpenApi(Document, Describe);
    }

    static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Halo API",
                Version = ProductVersion.Text,
                Description = """
                    Queries practice management databases inside clinics, through Halo Link.

                    Bodies are JSON in UTF-8, times UTC in ISO 8601 with milliseconds, ids lower-case UUIDs, durations whole milliseconds unless
                    a field says otherwise. What a field does not say is left out. A field or
                    query parameter that is misspelt or in the wrong place is a 400; others that are unknown are ignored for integrators, and named in
                    notices of the query, and refused for operators.
                    """,
            };
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["subscriptionKey"] = KeyIn(SubscriptionKey.Header, "An integrator's primary or secondary key."),
                ["adminKey"] = KeyIn(AdminKey.Header, "An operator's own key, or the admin key."),
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer<RouteDescriber>();
        options.AddDocumentTransformer<SchemaTidy>();
    }

    public static void MapDocs(this WebApplication app)
    {
        // Not MapOpenApi: that writes the document anew for each request, with the caller's Host in it.
        var document = new Lazy<Task<byte[]>>(() => WriteAsync(app.Services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Document)));
        app.MapGet(Address, async () => TypedResults.Bytes(await document.Value, "application/json; charset=utf-8")).ExcludeFromDescription();
        app.MapDocsPage();
    }

    static async Task<byte[]> WriteAsync(IOpenApiDocumentProvider provider)
    {
        var document = await provider.GetOpenApiDocumentAsync();
        using var bytes = new MemoryStream();
        await document.SerializeAsJsonAsync(bytes, OpenApiSpecVersion.OpenApi3_1);
        return bytes.ToArray();
    }

    static OpenApiSecurityScheme KeyIn(string header, string description) => new()
    {
        Type = SecuritySchemeType.ApiKey,
        In = ParameterLocation.Header,
        Name = header,
        Description = description,
    };
}
