using System.Text.Json;
using System.Text.RegularExpressions;

namespace Halo.SystemTests.Docs;

/// <summary>A block of commands of a page, and what the page says that it answers.</summary>
/// <param name="Line">Where it begins.</param>
/// <param name="Answer">The JSON block right behind it; null where there is none.</param>
public sealed record Example(int Line, string Commands, string? Answer)
{
    /// <summary>The bash blocks of a page in their order.</summary>
    public static IReadOnlyList<Example> Of(string page)
    {
        var lines = page.ReplaceLineEndings("\n").Split('\n');
        var found = new List<Example>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i] != "```bash")
                continue;
            var first = i + 1;
            var commands = Block(lines, ref i);
            var next = i + 1;
            while (next < lines.Length && lines[next].Length == 0)
                next++;
            var answer = next < lines.Length && lines[next] == "```json" ? Block(lines, ref next) : null;
            found.Add(new Example(first, commands, answer));
        }
        return found;
    }

    /// <summary>What of the page's answer is not in the real one: what is shown has to be there, <c>…</c> stands for anything.</summary>
    public static IEnumerable<string> Differences(JsonElement shown, JsonElement real, string path = "$")
    {
        if (shown.ValueKind == JsonValueKind.String && shown.GetString() == "…")
            return [];
        if (shown.ValueKind == JsonValueKind.String && shown.GetString()!.Contains('…') && real.ValueKind == JsonValueKind.String)
        {
            var pattern = string.Join(".*", shown.GetString()!.Split('…').Select(Regex.Escape));
            return Regex.IsMatch(real.GetString()!, $"^{pattern}$", RegexOptions.Singleline) ? [] : [$"{path}: {real.GetRawText()}"];
        }
        if (shown.ValueKind != real.ValueKind)
            return [$"{path}: {real.GetRawText()}"];
        return shown.ValueKind switch
        {
            JsonValueKind.Object => shown.EnumerateObject().SelectMany(p => real.TryGetProperty(p.Name, out var value)
                ? Differences(p.Value, value, $"{path}.{p.Name}")
                : [$"{path}.{p.Name} is not there"]),
            JsonValueKind.Array => Items(shown, real, path),
            _ => JsonElement.DeepEquals(shown, real) ? [] : [$"{path}: {real.GetRawText()}"],
        };
    }

    static IEnumerable<string> Items(JsonElement shown, JsonElement real, string path)
    {
        var items = shown.EnumerateArray().ToList();
        var isOpen = items.Count > 0 && items[^1].ValueKind == JsonValueKind.String && items[^1].GetString() == "…";
        if (isOpen)
            items.RemoveAt(items.Count - 1);
        return real.GetArrayLength() < items.Count || (!isOpen && real.GetArrayLength() != items.Count)
            ? [$"{path} has {real.GetArrayLength()} items"]
            : items.Zip(real.EnumerateArray()).SelectMany((pair, i) => Differences(pair.First, pair.Second, $"{path}[{i}]"));
    }

    static string Block(string[] lines, ref int at)
    {
        var start = ++at;
        while (lines[at] != "```")
            at++;
        return string.Join('\n', lines[start..at]);
    }
}
