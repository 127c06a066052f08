using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.LinkProtocol.Bounds;

namespace Halo.Link.Settings.Reading;

/// <summary>One object of the configuration while it is read: each look at a setting that is wrong leaves a fault behind.</summary>
sealed class SettingsNode(JsonObject node, string path, ICollection<SettingsFault> faults)
{
    /// <summary>An integrator's id is the longest.</summary>
    const int LongestName = 36;

    readonly List<string> _known = [];
    readonly HashSet<string> _isKnown = new(StringComparer.OrdinalIgnoreCase);
    readonly Dictionary<string, JsonNode?> _byName = node.ToDictionary(p => p.Key, p => p.Value, StringComparer.OrdinalIgnoreCase);

    /// <summary>A lost quotation mark makes a name of what was a value, and that can be a password: only what looks like a name is shown.</summary>
    public string PathOf(string name) => path.Length == 0 ? Shown(name) : $"{path}.{Shown(name)}";

    const string NotShown = "(a name that is not shown)";

    static string Shown(string name) => name.Length <= LongestName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '[' or ']') ? name : NotShown;

    /// <summary>The whole object, as it stands.</summary>
    public string Written => node.ToJsonString();

    public void Fault(string name, string message) => faults.Add(new(PathOf(name), message));

    /// <summary>A text; null where it is absent or wrong.</summary>
    /// <param name="mostBytes">Of UTF-8 that it may have, since more does not go over the line to the API.</param>
    /// <param name="mostCharacters">That it may have, since the API takes no more.</param>
    public string? Text(string name, string? requiredBecause = null, int mostBytes = int.MaxValue, int mostCharacters = int.MaxValue)
    {
        var value = Find(name);
        if (value is null)
        {
            if (requiredBecause is not null)
                Fault(name, $"is missing: {requiredBecause}.");
            return null;
        }
        if (value is JsonValue v && v.GetValueKind() == JsonValueKind.String)
        {
            if (!string.IsNullOrWhiteSpace(v.GetValue<string>()))
                return Bounded(name, v.GetValue<string>(), mostBytes, mostCharacters);
            Fault(name, $"is empty: {requiredBecause ?? "give a value or leave the setting out"}.");
            return null;
        }
        Fault(name, "must be a text in double quotes.");
        return null;
    }

    string? Bounded(string name, string text, int mostBytes, int mostCharacters)
    {
        if (text.Length > mostCharacters)
            Fault(name, string.Create(CultureInfo.InvariantCulture, $"is too long: shorten it to at most {mostCharacters} characters."));
        else if (!TextBound.Fits(text, mostBytes))
            Fault(name, string.Create(CultureInfo.InvariantCulture, $"is too long: shorten it to at most {mostBytes} bytes of UTF-8."));
        else
            return text;
        return null;
    }

    /// <summary>A text, or <c>{ "sql": "SELECT …" }</c>.</summary>
    /// <remarks>As for <see cref="Text"/>; what the SQL gives is checked when it is read.</remarks>
    public TextSource? Source(string name, string? requiredBecause = null, int mostBytes = int.MaxValue, int mostCharacters = int.MaxValue)
    {
        if (Find(name) is not JsonObject)
            return Text(name, requiredBecause, mostBytes, mostCharacters) is { } text ? new(text, null) : null;
        var query = Object(name)!;
        var sql = query.Text("sql", "write a SELECT that gives the value, or give the value itself as a text");
        query.RefuseUnknown();
        return sql is null ? null : new(null, sql);
    }

    public long Number(string name, long otherwise, long least, long most)
    {
        switch (Find(name))
        {
            case null:
                return otherwise;
            case JsonValue v when v.GetValueKind() == JsonValueKind.Number && v.TryGetValue<long>(out var number) && number >= least && number <= most:
                return number;
            case JsonValue v when v.GetValueKind() == JsonValueKind.String
                && long.TryParse(v.GetValue<string>(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= most:
                return number;
            default:
                Fault(name, string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {least} to {most}."));
                return otherwise;
        }
    }

    public bool Truth(string name, bool otherwise)
    {
        switch (Find(name))
        {
            case null:
                return otherwise;
            case JsonValue v when v.GetValueKind() is JsonValueKind.True or JsonValueKind.False:
                return v.GetValue<bool>();
            case JsonValue v when v.GetValueKind() == JsonValueKind.String && bool.TryParse(v.GetValue<string>(), out var truth):
                return truth;
            default:
                Fault(name, "must be true or false.");
                return otherwise;
        }
    }

    /// <summary>A nested object; null where it is absent or wrong.</summary>
    public SettingsNode? Object(string name)
    {
        switch (Find(name))
        {
            case null:
                return null;
            case JsonObject o:
                return new(o, PathOf(name), faults);
            default:
                Fault(name, "must be an object in braces.");
                return null;
        }
    }

    /// <summary>The objects of a list; null where it is absent or wrong.</summary>
    /// <param name="most">How many it may have, since more do not go over the line to the API.</param>
    /// <param name="otherwise">What to do where there are more.</param>
    public IReadOnlyList<SettingsNode>? Objects(string name, int most, string otherwise)
    {
        if (List(name) is not { } list)
            return null;
        if (list.Count > most)
            Fault(name, string.Create(CultureInfo.InvariantCulture, $"has {list.Count} entries, and at most {most} are possible: {otherwise}."));
        var items = new List<SettingsNode>();
        for (var i = 0; i < Math.Min(list.Count, most); i++)
        {
            if (list[i] is JsonObject o)
                items.Add(new(o, $"{PathOf(name)}[{i}]", faults));
            else
                Fault($"{name}[{i}]", "must be an object in braces.");
        }
        return items;
    }

    /// <summary>The words of a list, each one of <paramref name="allowed"/>; null where it is absent or wrong.</summary>
    public IReadOnlyList<string>? Words(string name, IReadOnlyList<string> allowed)
    {
        if (List(name) is not { } list)
            return null;
        var words = new List<string>();
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is JsonValue v && v.GetValueKind() == JsonValueKind.String && OneOf(v.GetValue<string>(), allowed) is { } word)
                words.Add(word);
            else
                Fault($"{name}[{i}]", $"must be one of {string.Join(", ", allowed)}.");
        }
        return words;
    }

    /// <summary>Each name of this object, where the names themselves are data.</summary>
    public IEnumerable<string> Names => node.Select(p => p.Key);

    /// <summary>A misspelt setting must not be passed over in silence: a rule of the practice might be in it.</summary>
    public void RefuseUnknown()
    {
        foreach (var (name, _) in node)
            if (!_isKnown.Contains(name))
                // Ours are letters alone: a digit in one that is not known may be a password's.
                Fault(name.All(char.IsAsciiLetter) ? name : NotShown, $"is no setting; here stand {string.Join(", ", _known)}.");
    }

    public static string? OneOf(string value, IReadOnlyList<string> allowed) =>
        allowed.FirstOrDefault(a => string.Equals(a, value, StringComparison.OrdinalIgnoreCase));

    JsonArray? List(string name)
    {
        switch (Find(name))
        {
            case null:
                return null;
            case JsonArray a:
                return a;
            default:
                Fault(name, "must be a list in square brackets.");
                return null;
        }
    }

    JsonNode? Find(string name)
    {
        if (_isKnown.Add(name))
            _known.Add(name);
        return _byName.GetValueOrDefault(name);
    }
}
