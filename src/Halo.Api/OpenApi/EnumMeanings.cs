using System.Text.Json.Nodes;
using System.Xml.Linq;
using Halo.Contracts.Queries;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>What each word of an enum means: from the contract's own documentation, whose file stands beside the program.</summary>
static class EnumMeanings
{
    /// <summary>Adds the words' meanings to the description of a schema that is an enum of the contract.</summary>
    public static void Describe(string name, OpenApiSchema schema, XDocument? documentation)
    {
        if (documentation is null || typeof(Query).Assembly.GetExportedTypes().FirstOrDefault(t => t.IsEnum && t.Name == name) is not { } type)
            return;
        // A type that is only ever used where it may be absent comes without its own summary.
        if (string.IsNullOrWhiteSpace(schema.Description))
            schema.Description = MeaningOf($"T:{type.FullName}", documentation);
        var lines = Enum.GetNames(type).Zip(schema.Enum!.OfType<JsonValue>().Select(v => v.ToString()))
            .Select(w => (Word: w.Second, Meaning: MeaningOf($"F:{type.FullName}.{w.First}", documentation)))
            .Where(w => w.Meaning.Length > 0).Select(w => $"- `{w.Word}`: {w.Meaning}").ToList();
        if (lines.Count > 0)
            schema.Description = $"{schema.Description}\n\n{string.Join('\n', lines)}";
    }

    public static XDocument? Load()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "Halo.Contracts.xml");
        return File.Exists(file) ? XDocument.Load(file) : null;
    }

    static string MeaningOf(string member, XDocument documentation)
    {
        var summary = documentation.Descendants("member").FirstOrDefault(m => m.Attribute("name")!.Value == member)?.Element("summary");
        return summary is null
            ? ""
            : string.Concat(summary.Nodes().Select(n => n is XElement { Name.LocalName: "c" } code ? $"`{code.Value}`" : n is XElement e ? e.Value : n.ToString())).Trim();
    }
}
