using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Halo.Api.Routing;

/// <summary>A parameter or header of a route, as the description shows it.</summary>
/// <param name="Name">As it stands in the request.</param>
/// <param name="In">Where.</param>
/// <param name="Meaning">Unit, range, default, and what it does.</param>
sealed record Input(string Name, ParameterLocation In, string Meaning)
{
    public JsonSchemaType Type { get; init; } = JsonSchemaType.String;
    public string? Format { get; init; }
    public bool Required { get; init; }
    public int? Least { get; init; }
    public int? Most { get; init; }
    public int? LongestText { get; init; }
    public JsonNode? Preset { get; init; }
    public IReadOnlyList<string>? Words { get; init; }
    public JsonNode? Example { get; init; }

    public static Input Path(string name, string meaning, string? format = "uuid") =>
        new(name, ParameterLocation.Path, meaning) { Required = true, Format = format };

    public static Input Text(string name, string meaning, string? example = null, bool required = false) =>
        new(name, ParameterLocation.Query, meaning) { Example = example, Required = required };

    public static Input Time(string name, string meaning) =>
        new(name, ParameterLocation.Query, meaning) { Format = "date-time", Example = "2026-03-05T00:00:00Z" };

    public static Input Word(string name, string meaning, IReadOnlyList<string> words) => new(name, ParameterLocation.Query, meaning) { Words = words };

    public static Input Whole(string name, string meaning, int least, int? most, int? preset) =>
        new(name, ParameterLocation.Query, meaning) { Type = JsonSchemaType.Integer, Format = "int32", Least = least, Most = most, Preset = preset };

    public static Input Header(string name, string meaning, string? example = null, int? longestText = null) =>
        new(name, ParameterLocation.Header, meaning) { Example = example, LongestText = longestText };

    public OpenApiParameter Show() => new()
    {
        Name = Name,
        In = In,
        Description = Meaning,
        Required = Required,
        Example = Example?.DeepClone(),
        Schema = new OpenApiSchema
        {
            Type = Type,
            Format = Format,
            Minimum = Least?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Maximum = Most?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            MaxLength = LongestText,
            Default = Preset?.DeepClone(),
            Enum = Words is null ? null! : [.. Words.Select(w => (JsonNode)w)],
        },
    };
}
