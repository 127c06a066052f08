using System.Text.Json;
using System.Text.Unicode;

namespace Halo.Api.Queries.Requests;

/// <summary>Finds text that is none: bytes that are no UTF-8, and halves of surrogate pairs written as escapes. JSON's grammar lets both through.</summary>
static class BrokenText
{
    /// <summary>Whether the bytes are UTF-8 at all.</summary>
    public static bool IsUtf8(ReadOnlySpan<byte> body) => Utf8.IsValid(body);

    /// <summary>Adds a fault for each string that holds half a surrogate pair.</summary>
    public static void Find(ReadOnlySpan<byte> body, JsonElement root, FaultyJson json)
    {
        // Only an escape from \ud800 to \udfff can be one; almost no request has any.
        if (body.IndexOf("\\ud"u8) >= 0 || body.IndexOf("\\uD"u8) >= 0)
            Find(root, "", json);
    }

    static void Find(JsonElement element, string path, FaultyJson json)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                    Find(property.Value, Join(path, NameOf(property, path, json)), json);
                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                    Find(item, $"{path}[{index++}]", json);
                break;
            case JsonValueKind.String when !IsText(element):
                json.Fault(path.Length == 0 ? "body" : path, "holds half of a surrogate pair, which is no text.");
                break;
        }
    }

    static string NameOf(JsonProperty property, string path, FaultyJson json)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            json.Fault(path.Length == 0 ? "body" : path, "has a field whose name holds half of a surrogate pair.");
            return "?";
        }
    }

    static bool IsText(JsonElement element)
    {
        try
        {
            return element.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
