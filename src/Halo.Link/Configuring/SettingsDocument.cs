using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;

namespace Halo.Link.Configuring;

/// <summary>The text of a configuration file, changed at one place at a time: comments, order and spacing of all else stay as people wrote them.</summary>
sealed class SettingsDocument
{
    static readonly JsonReaderOptions Reading = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
    static readonly JsonSerializerOptions Writing = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    string _text;

    SettingsDocument(string text) => _text = text;

    /// <summary>One without any setting.</summary>
    public static SettingsDocument Empty => new("{\n}\n");

    /// <param name="file">Where it comes from, for what is told of it.</param>
    /// <exception cref="SettingsException">It is not JSON.</exception>
    public static SettingsDocument Parse(string file, byte[] content)
    {
        // Told with line and column, as at a start.
        _ = SettingsText.Parse(file, content);
        return new(Encoding.UTF8.GetString(SettingsText.ToUtf8(file, content)));
    }

    /// <summary>As it is saved: UTF-8 without a byte-order mark.</summary>
    public byte[] Content => Encoding.UTF8.GetBytes(_text);

    /// <summary>All settings, without comments.</summary>
    public JsonObject Settings => JsonNode.Parse(_text, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true })!.AsObject();

    /// <summary>One by its name, in any case, as the Link reads it; null: it is not there, or is null.</summary>
    public static JsonNode? Find(JsonObject settings, string name) => settings.FirstOrDefault(p => string.Equals(p.Key, name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Gives a setting a value; what leads to it is made where it is missing.</summary>
    /// <exception cref="SettingsException">The path leads through something that is neither an object nor a list.</exception>
    public void Set(SettingsPath path, JsonNode? value)
    {
        var steps = path.Steps;
        var at = RootStart();
        for (var depth = 0; ; depth++)
        {
            var container = ReadContainer(at, path);
            var found = container.Find(steps[depth]);
            if (found is { } member && depth == steps.Count - 1)
            {
                Replace(member.ValueStart, member.ValueEnd, Format(value, container.Indent(_text)));
                return;
            }
            if (found is null)
            {
                for (var missing = steps.Count - 1; missing > depth; missing--)
                    value = SettingsPath.PlaceOf(steps[missing]) is null ? new JsonObject { [steps[missing]] = value } : new JsonArray(value);
                Insert(container, steps[depth], value, path);
                return;
            }
            at = found.Value.ValueStart;
        }
    }

    /// <summary>Merges settings into it: objects with one another; a list or a value takes the place of what was there.</summary>
    public void Merge(JsonObject settings) => Merge(settings, []);

    void Merge(JsonObject settings, IReadOnlyList<string> under)
    {
        foreach (var (name, value) in settings)
        {
            IReadOnlyList<string> path = [.. under, name];
            if (value is JsonObject { Count: > 0 } nested)
                Merge(nested, path);
            else
                Set(new(path), value?.DeepClone());
        }
    }

    /// <summary>Takes a setting out.</summary>
    /// <returns>False: it was not there.</returns>
    public bool Remove(SettingsPath path)
    {
        var at = RootStart();
        foreach (var step in path.Steps.SkipLast(1))
        {
            if (ReadContainer(at, path).Find(step) is not { } next)
                return false;
            at = next.ValueStart;
        }
        var container = ReadContainer(at, path);
        if (container.Find(path.Steps[^1]) is not { } member)
            return false;
        var place = container.Members.IndexOf(member);
        // With the comma that parts it from its neighbour.
        if (place + 1 < container.Members.Count)
            Replace(member.Start, container.Members[place + 1].Start, "");
        else if (place > 0)
            Replace(container.Members[place - 1].ValueEnd, member.ValueEnd, "");
        else
        {
            // A comma behind the only one would be left alone.
            if (CommaBetween(member.ValueEnd, container.End) is { } comma)
                Replace(comma, comma + 1, "");
            Replace(member.Start, member.ValueEnd, "");
        }
        return true;
    }

    void Insert(Container container, string name, JsonNode? value, SettingsPath path)
    {
        if (container.IsList && SettingsPath.PlaceOf(name) != container.Members.Count)
            throw new SettingsException([new(path.ToString(), $"the list has {container.Members.Count} entries: the next one is [{container.Members.Count}].")]);
        var indent = container.Indent(_text);
        var written = (container.IsList ? "" : JsonSerializer.Serialize(name) + ": ") + Format(value, indent);
        if (container.Members.Count == 0)
        {
            // Comments may stand in it.
            var inside = _text[(container.Start + 1)..container.End].TrimEnd();
            Replace(container.Start + 1, container.End, $"{inside}{NewLine}{indent}{written}{NewLine}{container.OwnIndent(_text)}");
        }
        else
        {
            // At the end of the last member's line, behind its comment.
            var last = container.Members[^1].ValueEnd;
            var end = container.End;
            var hasComma = CommaBetween(last, end) is not null;
            var before = _text[..end].TrimEnd();
            _text = before[..last] + (hasComma ? "" : ",") + before[last..] + NewLine + indent + written + NewLine + container.OwnIndent(_text) + _text[end..];
        }
    }

    /// <summary>Between the last member and the closing brace: a comma may stand there, among comments.</summary>
    int? CommaBetween(int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (_text[i] == ',')
                return i;
            if (_text[i] == '/' && i + 1 < to)
                i = _text[i + 1] == '/' ? EndOf("\n", i) : EndOf("*/", i + 2) + 1;
        }
        return null;

        int EndOf(string mark, int start) => _text.IndexOf(mark, start, StringComparison.Ordinal) is >= 0 and var end ? end : to;
    }

    string Format(JsonNode? value, string indent) =>
        (value?.ToJsonString(Writing) ?? "null").ReplaceLineEndings("\n").Replace("\n", NewLine + indent, StringComparison.Ordinal);

    string NewLine => _text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";

    void Replace(int start, int end, string text) => _text = string.Concat(_text.AsSpan(0, start), text, _text.AsSpan(end));

    int RootStart()
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(_text), Reading);
        reader.Read();
        return CharactersIn((int)reader.TokenStartIndex);
    }

    int CharactersIn(int bytes) => Encoding.UTF8.GetCharCount(Encoding.UTF8.GetBytes(_text).AsSpan(0, bytes));

    Container ReadContainer(int start, SettingsPath path)
    {
        if (_text[start] is not ('{' or '['))
            throw new SettingsException([new(path.ToString(), "leads through a setting that is neither an object nor a list.")]);
        // As bytes alone can be read; positions go back to characters.
        var utf8 = Encoding.UTF8.GetBytes(_text[start..]);
        var reader = new Utf8JsonReader(utf8, Reading);
        reader.Read();
        var members = new List<Member>();
        while (reader.Read() && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
        {
            var (name, at) = ("", (int)reader.TokenStartIndex);
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                name = reader.GetString()!;
                reader.Read();
            }
            var value = (int)reader.TokenStartIndex;
            reader.Skip();
            members.Add(new(name, Place(at), Place(value), Place((int)reader.BytesConsumed)));
        }
        return new(start, Place((int)reader.TokenStartIndex), _text[start] == '[', members);

        int Place(int bytes) => start + Encoding.UTF8.GetCharCount(utf8.AsSpan(0, bytes));
    }

    /// <param name="Name">Empty in a list.</param>
    /// <param name="Start">Of the name, in a list of the value.</param>
    readonly record struct Member(string Name, int Start, int ValueStart, int ValueEnd);

    /// <summary>An object or a list in the text.</summary>
    /// <param name="Start">Of its opening brace.</param>
    /// <param name="End">Of its closing brace.</param>
    sealed record Container(int Start, int End, bool IsList, List<Member> Members)
    {
        public Member? Find(string step)
        {
            if (IsList)
                return SettingsPath.PlaceOf(step) is { } place && place < Members.Count ? Members[place] : null;
            // Settings are known without case.
            var found = Members.FindIndex(m => string.Equals(m.Name, step, StringComparison.OrdinalIgnoreCase));
            return found < 0 ? null : Members[found];
        }

        /// <summary>What stands before the line on which it opens.</summary>
        public string OwnIndent(string text) => IndentAt(text, Start);

        /// <summary>What stands before its members: as before the first one that begins a line.</summary>
        public string Indent(string text) => Members.Where(m => IndentAt(text, m.Start) is var indent && text[..m.Start].EndsWith(indent, StringComparison.Ordinal)
                && StartOfLine(text, m.Start) + indent.Length == m.Start).Select(m => IndentAt(text, m.Start)).FirstOrDefault()
            ?? OwnIndent(text) + "  ";

        static int StartOfLine(string text, int at) => at == 0 ? 0 : text.LastIndexOf('\n', at - 1) + 1;

        static string IndentAt(string text, int at)
        {
            var start = StartOfLine(text, at);
            return string.Concat(text.AsSpan(start).ToString().TakeWhile(c => c is ' ' or '\t'));
        }
    }
}
