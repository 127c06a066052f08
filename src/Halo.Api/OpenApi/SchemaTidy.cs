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
            Open(type);
            foreach (var (field, property) in type.Properties?.ToList() ?? [])
            {
                if (!Nullable.Contains($"{name}.{field}"))
                    type.Properties![field] = WithoutNull(property);
            }
        }
        foreach (var operation in document.Paths.Values.SelectMany(p => p.Operations ?? []).Select(o => o.Value))
        {
            foreach (var media in operation.RequestBody?.Content?.Values ?? [])
                Open(media.Schema);
        }
        return Task.CompletedTask;
    }

    /// <summary>An object without fields of its own takes any: left unsaid, generators make a type of it that can have none.</summary>
    static void Open(IOpenApiSchema? schema)
    {
        if (schema is not OpenApiSchema type)
            return;
        if (type.Type is { } kind && kind.HasFlag(JsonSchemaType.Object) && type.Properties is not { Count: > 0 })
            type.AdditionalProperties ??= new OpenApiSchema();
        Open(type.Items);
        foreach (var property in type.Properties?.Values ?? [])
            Open(property);
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
