using System.Text.Json.Serialization;
using Halo.Api.Admin;
using Halo.Api.Integrators;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>The API's description at <c>/openapi/v1.json</c>, and a page to read it at <c>/docs</c> that loads nothing from outside.</summary>
static class Docs
{
    public static void AddHaloOpenApi(this IServiceCollection services)
    {
        // For the document alone: without it every number would be shown as "a number or a string".
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict);
        services.AddOpenApi("v1", Describe);
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
                    a field says otherwise. What a field does not say is left out. Unknown fields of a request are ignored.
                    """,
            };
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["subscriptionKey"] = KeyIn(SubscriptionKey.Header, "An integrator's primary or secondary key."),
                ["adminKey"] = KeyIn(AdminKey.Header, "The operator's key."),
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer<RouteDescriber>();
        options.AddDocumentTransformer<SchemaTidy>();
    }

    public static void MapDocs(this WebApplication app)
    {
        app.MapOpenApi("/openapi/{documentName}.json");
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.DocumentTitle = "Halo API";
            ui.SwaggerEndpoint("/openapi/v1.json", "Halo API");
            ui.EnableTryItOutByDefault();
        });
    }

    static OpenApiSecurityScheme KeyIn(string header, string description) => new()
    {
        Type = SecuritySchemeType.ApiKey,
        In = ParameterLocation.Header,
        Name = header,
        Description = description,
    };
}
