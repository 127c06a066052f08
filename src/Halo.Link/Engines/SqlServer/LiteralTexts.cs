using System.Globalization;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Finds texts that come again and again with other literals: each makes a plan of its own in the server's cache.</summary>
/// <remarks>Holds no text, only hashes, of the last <see cref="MostShapes"/> shapes.</remarks>
sealed class LiteralTexts(TimeProvider time)
{
    /// <summary>Within <see cref="Period"/>.</summary>
    public const int Often = 100;

    const int MostShapes = 256;

    /// <summary>Longer texts are told apart by their beginning.</summary>
    const int MostCharacters = 8192;

    static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    readonly Lock _lock = new();
    readonly Dictionary<ulong, Shape> _shapes = [];

    /// <summary>Looks at a text without parameters. What is to be said, each time that it has come often; else null.</summary>
    public string? Look(string text)
    {
        var (shape, whole, literals) = HashesOf(text.AsSpan(0, Math.Min(text.Length, MostCharacters)));
        if (literals == 0)
            return null;
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (!_shapes.TryGetValue(shape, out var known))
            {
                if (_shapes.Count == MostShapes)
                    _shapes.Remove(_shapes.MinBy(s => s.Value.Seen).Key);
                _shapes[shape] = known = new() { Since = now };
            }
            else if (time.GetElapsedTime(known.Since, now) > Period)
                (known.Since, known.Changes) = (now, 0);
            known.Seen = now;
            if (known.Whole != whole)
                known.Changes++;
            known.Whole = whole;
            if (known.Changes < Often)
                return null;
            (known.Since, known.Changes) = (now, 0);
        }
        return string.Create(CultureInfo.InvariantCulture,
            $"This text came {Often} times within {Period.TotalMinutes:0} minutes with other literals each time. Send values as parameters: each literal makes a plan of its own and fills the server's plan cache.");
    }

    /// <summary>Of the text without its literals, and of all of it. Comments count as text, and what stands in brackets as a name.</summary>
    static (ulong Shape, ulong Whole, int Literals) HashesOf(ReadOnlySpan<char> text)
    {
        var (shape, whole, literals) = (Start, Start, 0);
        for (var i = 0; i < text.Length;)
        {
            var end = LiteralEnd(text, i);
            if (end > i)
            {
                literals++;
                shape = Add(shape, '\0');
            }
            else
            {
                end = i + 1;
                shape = Add(shape, text[i]);
            }
            for (; i < end; i++)
                whole = Add(whole, text[i]);
        }
        return (shape, whole, literals);
    }

    static int LiteralEnd(ReadOnlySpan<char> text, int at)
    {
        if (text[at] == '\'')
        {
            // Two quotes within a text are two texts side by side: the shape has one of them more.
            var length = text[(at + 1)..].IndexOf('\'');
            return length < 0 ? text.Length : at + length + 2;
        }
        if (!char.IsAsciiDigit(text[at]) || at > 0 && (char.IsLetterOrDigit(text[at - 1]) || text[at - 1] is '_' or '@' or '#' or '$'))
            return at;
        var end = at;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '.'))
            end++;
        return end;
    }

    /// <summary>FNV-1a.</summary>
    const ulong Start = 14695981039346656037;

    static ulong Add(ulong hash, char value) => unchecked((hash ^ value) * 1099511628211);

    sealed class Shape
    {
        public ulong Whole;
        public int Changes;
        public long Since;
        public long Seen;
    }
}
