using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Halo.Link.Settings.Reading;

/// <summary>Turns the configuration file's bytes into JSON; what is wrong with them is told by line and column.</summary>
/// <remarks>
/// Everything that a JSON object accepts at first and fails on later is looked for here: bytes that are not UTF-8, halves of surrogate pairs,
/// names that stand twice. No message quotes the file: it holds passwords.
/// </remarks>
sealed class SettingsText
{
    const int DeepestNesting = 64;
    readonly string _file;
    readonly byte[] _utf8;
    readonly List<SettingsFault> _faults = [];

    SettingsText(string file, byte[] utf8) => (_file, _utf8) = (file, utf8);

    /// <summary>The object that the file holds. Comments and trailing commas are allowed.</summary>
    /// <exception cref="SettingsException">With every fault that was found.</exception>
    public static JsonObject Parse(string file, byte[] content) => new SettingsText(file, ToUtf8(file, content)).Parse();

    /// <summary>As UTF-8 without a byte-order mark, whatever Unicode encoding an editor chose.</summary>
    public static byte[] ToUtf8(string file, byte[] content)
    {
        Encoding? marked = content switch
        {
            [0xFF, 0xFE, 0, 0, ..] => new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true),
            [0, 0, 0xFE, 0xFF, ..] => new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true),
            [0xFF, 0xFE, ..] => new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
            [0xFE, 0xFF, ..] => new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
            _ => null,
        };
        if (marked is null)
            return content is [0xEF, 0xBB, 0xBF, ..] ? content[3..] : content;
        try
        {
            return Encoding.UTF8.GetBytes(marked.GetString(content.AsSpan(marked.Preamble.Length)));
        }
        catch (ArgumentException)
        {
            throw new SettingsException([new(file, $"is marked as {marked.WebName.ToUpperInvariant()} and is damaged: save it as UTF-8.")]);
        }
    }

    JsonObject Parse()
    {
        FindForeignBytes();
        ThrowIfFaulty();
        try
        {
            FindFaultyTexts();
            ThrowIfFaulty();
            var node = JsonNode.Parse(_utf8, documentOptions: new()
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
                MaxDepth = DeepestNesting,
            });
            return node as JsonObject ?? throw new SettingsException([new(_file, "must hold one JSON object in braces.")]);
        }
        catch (JsonException e)
        {
            // Not the parser's own words: they can quote the file, and a password with it.
            var line = LineStart((int)(e.LineNumber ?? 0));
            throw new SettingsException([new(_file, $"is not valid JSON at {Place(Math.Min(_utf8.Length, line + (int)(e.BytePositionInLine ?? 0)))}: "
                + (_nesting >= DeepestNesting - 1 ? $"braces and brackets stand more than {DeepestNesting} deep."
                    : "texts stand in double quotes, a backslash in them is written twice, settings are separated by commas, every brace has its end."))]);
        }
    }

    int _nesting;

    void FindForeignBytes()
    {
        if (_utf8.AsSpan().Contains((byte)0))
        {
            Fault(_utf8.AsSpan().IndexOf((byte)0), "a zero byte stands here: the file is UTF-16 without its mark, or damaged. Save it as UTF-8.");
            return;
        }
        for (var at = 0; at < _utf8.Length;)
        {
            if (Rune.DecodeFromUtf8(_utf8.AsSpan(at), out _, out var length) != System.Buffers.OperationStatus.Done)
            {
                Fault(at, "this is not UTF-8: the file was saved as Windows-1252, Latin-1 or another code page. Save it as UTF-8.");
                return;
            }
            at += length;
        }
    }

    /// <exception cref="JsonException">It is not JSON.</exception>
    void FindFaultyTexts()
    {
        var reader = new Utf8JsonReader(_utf8, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = DeepestNesting });
        var open = new Stack<Dictionary<string, int>>();
        try
        {
            while (reader.Read())
            {
                var at = (int)reader.TokenStartIndex;
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartObject:
                        // The reader's settings are known without case.
                        open.Push(new(StringComparer.OrdinalIgnoreCase));
                        break;
                    case JsonTokenType.EndObject:
                        open.Pop();
                        break;
                    case JsonTokenType.PropertyName when Text(ref reader, at) is { } name:
                        if (name.Any(char.IsControl))
                            Fault(at, "a control character stands in this name.");
                        if (!open.Peek().TryAdd(name, at))
                            Fault(at, $"this name stands already in the same braces, at {Place(open.Peek()[name])}: remove one of the two.");
                        break;
                    case JsonTokenType.String when Text(ref reader, at) is { } text && text.Contains('\0', StringComparison.Ordinal):
                        Fault(at, "a zero character (\\u0000) stands in this text: remove it.");
                        break;
                }
            }
        }
        finally
        {
            _nesting = reader.CurrentDepth;
        }
    }

    string? Text(ref Utf8JsonReader reader, int at)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            Fault(at, "this text holds half of a surrogate pair (as \\ud800 without its second half): write the character itself, or both halves.");
            return null;
        }
    }

    void Fault(int at, string what) => _faults.Add(new(_file, $"{Place(at)}: {what}"));

    void ThrowIfFaulty()
    {
        if (_faults.Count > 0)
            throw new SettingsException(_faults);
    }

    /// <summary>As editors count: from 1, in characters.</summary>
    string Place(int at)
    {
        var before = _utf8.AsSpan(0, at);
        var line = before.LastIndexOf((byte)'\n') + 1;
        return $"line {before.Count((byte)'\n') + 1}, column {Encoding.UTF8.GetCharCount(before[line..]) + 1}";
    }

    int LineStart(int line)
    {
        var at = 0;
        for (; line > 0 && _utf8.AsSpan(at).IndexOf((byte)'\n') is >= 0 and var end; line--)
            at += end + 1;
        return at;
    }
}
