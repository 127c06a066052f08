using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>Says of schemas what the contract does: what is absent is left out and never null, enums are words, each with its meaning.</summary>
sealed class SchemaTidy : IOpenApiDocumentTransformer
{
    // Where null is a value of its own.
    static readonly HashSet<string> Nullable = ["OutputParameter.value", "CommandParameter.value"];

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        var documentation = EnumMeanings.Load();
        foreach (var (name, schema) in document.Components?.Schemas ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (schema is not OpenApiSchema type)
                continue;
            if (type.Enum is { Count: > 0 })
            {
                type.Type = JsonSchemaType.String;
                EnumMeanings.Describe(name, type, documentation);
            }
            foreach (var (field, property) in type.Properties?.ToList() ?? [])
            {
                if (!Nullable.Contains($"{name}.{field}"))
                    type.Properties![field] = WithoutNull(property);
            }
        }
        return Task.CompletedTask;
    }

    static IOpenApiSchema WithoutNull(IOpenApiSchema property)
    {
        if (property is OpenApiSchema { OneOf: [OpenApiSchema { Type: JsonSchemaType.Null }, OpenApiSchemaReference only] })
            return only;
        if (property is OpenApiSchema { Type: { } type } single && type != JsonSchemaType.Null)
            single.Type = type & ~JsonSchemaType.Null;
        return property;
    }
}
