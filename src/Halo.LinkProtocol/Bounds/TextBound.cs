using System.Text;

namespace Halo.LinkProtocol.Bounds;

/// <summary>Cuts texts to a bound in UTF-8, between two characters, and marks what was cut.</summary>
public static class TextBound
{
    /// <summary>Ends a text that was cut.</summary>
    public const char Mark = '…';

    const int MarkBytes = 3;

    /// <summary>The text itself where it has at most so many bytes; else its start and <see cref="Mark"/>, together at most as many.</summary>
    /// <param name="bytes">Of UTF-8. With less than the mark needs, nothing is left.</param>
    public static string Cut(string text, long bytes)
    {
        if (Fits(text, bytes))
            return text;
        if (bytes < MarkBytes)
            return "";
        var room = bytes - MarkBytes;
        var at = 0;
        while (at < text.Length)
        {
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var used);
            if ((room -= rune.Utf8SequenceLength) < 0)
                break;
            at += used;
        }
        return text[..at] + Mark;
    }

    /// <summary>Whether a text has at most so many bytes of UTF-8.</summary>
    public static bool Fits(string text, long bytes) => text.Length * 3L <= bytes || text.Length <= bytes && Encoding.UTF8.GetByteCount(text) <= bytes;
}
