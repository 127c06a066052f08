namespace Halo.Api.Results.Formats;

/// <summary>The inside of a JSON string that comes in pieces: how much of what is there is whole.</summary>
static class TextPiece
{
    /// <summary>Up to the quote that ends the string, or to the last escape or character that is there to its end.</summary>
    public static (int Length, bool Ended) Measure(ReadOnlySpan<byte> text)
    {
        for (var at = 0; ;)
        {
            var next = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (next < 0)
                return (at + WholeCharacters(text[at..]), false);
            at += next;
            if (text[at] == '"')
                return (at, true);
            var escape = EscapeAt(text[at..]);
            if (escape > text.Length - at)
                return (at, false);
            at += escape;
        }
    }

    /// <summary>Bytes of an escape; the two halves of a surrogate pair are one.</summary>
    static int EscapeAt(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[1] != 'u')
            return 2;
        var isFirstHalf = text.Length >= 4 && (text[2] | 0x20) == 'd' && (char)(text[3] | 0x20) is '8' or '9' or 'a' or 'b';
        return isFirstHalf && (text.Length < 8 || text[6] == '\\' && text[7] == 'u') ? 12 : 6;
    }

    static int WholeCharacters(ReadOnlySpan<byte> text)
    {
        for (var back = 1; back <= Math.Min(3, text.Length); back++)
        {
            var last = text[^back];
            if ((last & 0xC0) == 0x80)
                continue;
            var needs = last >= 0xF0 ? 4 : last >= 0xE0 ? 3 : last >= 0xC0 ? 2 : 1;
            return needs > back ? text.Length - back : text.Length;
        }
        return text.Length;
    }
}
