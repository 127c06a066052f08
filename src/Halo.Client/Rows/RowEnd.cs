using System.Buffers;

namespace Halo.Client.Rows;

/// <summary>Finds the end of a row that is longer than what has come of it, looking at each byte once.</summary>
struct RowEnd
{
    static readonly SearchValues<byte> Structure = SearchValues.Create("\"{}"u8), Strings = SearchValues.Create("\"\\"u8);

    int _depth;
    int _at;
    bool _inString;

    /// <param name="row">What has come since the row began; each time from its beginning.</param>
    /// <returns>Whether the row ends in it.</returns>
    public bool IsIn(ReadOnlySpan<byte> row)
    {
        while (_at < row.Length)
        {
            var next = row[_at..].IndexOfAny(_inString ? Strings : Structure);
            if (next < 0)
            {
                _at = row.Length;
                return false;
            }
            var found = row[_at + next];
            if (found == (byte)'\\')
            {
                // What is escaped is skipped; it may not be here yet.
                _at += next + 2;
                continue;
            }
            _at += next + 1;
            if (found == (byte)'"')
                _inString = !_inString;
            else if (found == (byte)'{')
                _depth++;
            else if (--_depth == 0)
                return true;
        }
        return false;
    }
}
