using System.Text;
using System.Text.Json;
using Halo.Api.Routing;

namespace Halo.Api.Queries.Requests;

/// <summary>Finds text that is none: halves of surrogate pairs written as escapes, which JSON's grammar lets through.</summary>
sealed class Utf8Validation
{
    readonly JsonFieldReader _json;

    /// <summary>Where the walk stands, one step for each level: a text is made of it for a fault alone, since a body has millions of places.</summary>
    readonly List<(string? Name, int Index)> _steps = [];

    Utf8Validation(JsonFieldReader json) => _json = json;

    /// <summary>Adds a fault for each string that holds half a surrogate pair.</summary>
    public static void Find(ReadOnlySpan<byte> body, JsonElement root, JsonFieldReader json)
    {
        // Only an escape from \ud800 to \udfff can be one; almost no request has any.
        if (body.IndexOf("\\ud"u8) >= 0 || body.IndexOf("\\uD"u8) >= 0)
            new Utf8Validation(json).Find(root);
    }

    void Find(JsonElement element)
    {
        if (_json.IsFull)
            return;
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                    Step(NameOf(property), 0, property.Value);
                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                    Step(null, index++, item);
                break;
            case JsonValueKind.String when !IsText(element):
                _json.Fault(Path(), "holds half of a surrogate pair, which is no text.");
                break;
        }
    }

    void Step(string? name, int index, JsonElement into)
    {
        _steps.Add((name, index));
        Find(into);
        _steps.RemoveAt(_steps.Count - 1);
    }

    string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            _json.Fault(Path(), "has a field whose name holds half of a surrogate pair.");
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

    string Path()
    {
        var path = new StringBuilder();
        foreach (var (name, index) in _steps)
        {
            if (name is null)
                path.Append('[').Append(index).Append(']');
            else
                path.Append(path.Length == 0 ? "" : ".").Append(RequestParameters.Shorten(name));
        }
        return path.Length == 0 ? "body" : path.ToString();
    }
}
