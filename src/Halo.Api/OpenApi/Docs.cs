using Halo.Api.Admin;
using Halo.Api.Integrators;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>The API's description at <c>/openapi/v1.json</c>, and a page to read it at <c>/docs</c> that loads nothing from outside.</summary>
static class Docs
{
    public static void AddHaloOpenApi(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Halo API",
                Version = ProductVersion.Text,
                Description = "Queries practice management databases inside clinics, through Halo Link.",
            };
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["subscriptionKey"] = KeyIn(SubscriptionKey.Header, "An integrator's primary or secondary key."),
                ["adminKey"] = KeyIn(AdminKey.Header, "The operator's key."),
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            var scheme = context.Description.RelativePath switch
            {
                { } path when path.StartsWith("integrator", StringComparison.Ordinal) => "subscriptionKey",
                { } path when path.StartsWith("admin", StringComparison.Ordinal) => "adminKey",
                _ => null,
            };
            if (scheme is not null)
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] }];
            return Task.CompletedTask;
        });
    });

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
