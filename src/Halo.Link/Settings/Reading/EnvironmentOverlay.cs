using System.Collections;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Halo.Link.Settings.Reading;

/// <summary>Lays settings from the environment over those of the file: <c>HALOLINK__sites__0__connectionString</c>.</summary>
/// <remarks>Names are compared without case, as Windows does; a number is a place in a list.</remarks>
static class EnvironmentOverlay
{
    public const string Prefix = "HALOLINK__";
    const int LongestList = 100;

    /// <summary>Lays every variable with the prefix over <paramref name="root"/>.</summary>
    public static void Apply(JsonObject root, IDictionary environment, ICollection<SettingsFault> faults)
    {
        foreach (DictionaryEntry variable in environment)
        {
            var name = (string)variable.Key;
            if (name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && variable.Value is string value
                && !Set(root, name[Prefix.Length..].Split("__"), value))
                faults.Add(new(name, "this environment variable does not lead to a setting; write names and places as in HALOLINK__sites__0__engine."));
        }
    }

    static bool Set(JsonNode node, ReadOnlySpan<string> path, string value)
    {
        while (true)
        {
            var last = path.Length == 1;
            switch (node)
            {
                case JsonObject o:
                    var key = NameIn(o, path[0]);
                    if (last)
                    {
                        o[key] = value;
                        return true;
                    }
                    // What a file said in another form (a plain text where a name follows) gives way to the environment.
                    if (o[key] is not (JsonObject or JsonArray))
                        o[key] = PlaceOf(path[1]) is null ? new JsonObject() : new JsonArray();
                    node = o[key]!;
                    break;
                case JsonArray a when PlaceOf(path[0]) is { } place:
                    while (a.Count <= place)
                        a.Add(last ? (JsonNode)"" : new JsonObject());
                    if (last)
                    {
                        a[place] = value;
                        return true;
                    }
                    if (a[place] is not (JsonObject or JsonArray))
                        a[place] = new JsonObject();
                    node = a[place]!;
                    break;
                default:
                    return false;
            }
            path = path[1..];
        }
    }

    static string NameIn(JsonObject o, string name) =>
        o.FirstOrDefault(p => string.Equals(p.Key, name, StringComparison.OrdinalIgnoreCase)).Key ?? name;

    static int? PlaceOf(string segment) =>
        int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < LongestList ? place : null;
}
