using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Basics;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Routing;

/// <summary>Fields of a JSON body that its type does not have, at every level, by what the serializer knows of the type.</summary>
static class BodyFields
{
    /// <summary>Adds a fault for each, with the one that was probably meant.</summary>
    public static void FindUnknown(JsonElement element, JsonTypeInfo type, List<FieldError> faults) => Find(element, type, "", faults);

    static void Find(JsonElement element, JsonTypeInfo type, string path, List<FieldError> faults)
    {
        if (element.ValueKind == JsonValueKind.Array && type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } item })
        {
            var index = 0;
            foreach (var entry in element.EnumerateArray())
                Find(entry, type.Options.GetTypeInfo(item), $"{path}[{index++}]", faults);
        }
        if (element.ValueKind != JsonValueKind.Object || type.Kind != JsonTypeInfoKind.Object)
            return;
        foreach (var property in element.EnumerateObject())
        {
            var name = NameOf(property);
            var at = path.Length == 0 ? RequestParameters.Shorten(name) : $"{path}.{RequestParameters.Shorten(name)}";
            if (type.Properties.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } known)
                Find(property.Value, type.Options.GetTypeInfo(known.PropertyType), at, faults);
            else if (faults.Count < Notice.Most)
                faults.Add(new(at, Message(name, [.. type.Properties.Select(p => p.Name)])));
        }
    }

    static string Message(string name, List<string> known) => NearestName.To(name, known) is { } meant
        ? $"is no field here; did you mean {meant}?"
        : $"is no field here; there are {string.Join(", ", known)}.";

    static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, which is no text.
            return "?";
        }
    }
}
