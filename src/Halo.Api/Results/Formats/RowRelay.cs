using System.Buffers;

namespace Halo.Api.Results.Formats;

/// <summary>
/// Rows whose bytes stay as they came, between other separators: looked through for where each row ends, and copied. Ten times
/// quicker than reading every value, which is left to whoever reads them, as in pages and answers that are passed on whole; and a
/// text of any length goes on as it comes.
/// </summary>
/// <param name="lines">One to a line (NDJSON); otherwise one array.</param>
/// <param name="head">JSON that stands before the first row as the array's first value; null or empty: none.</param>
sealed class RowRelay(bool lines, byte[]? head = null) : IRowTranscoder
{
    enum Place
    {
        BeforeArray,
        BeforeFirstRow,
        InRow,
        InText,
        InEscape,
        AfterRow,
        BeforeNextRow,
        AfterArray,
    }

    // Values are scalars, so that outside a text the next closing brace ends the row. A line break would end the line: Links write none.
    static readonly SearchValues<byte> RowMarks = SearchValues.Create("\"{}[]\r\n"u8), TextMarks = SearchValues.Create("\"\\\r\n"u8);

    // Without any of these, quotes stand in pairs, and a brace after whole pairs is outside a text.
    static readonly SearchValues<byte> Unusual = SearchValues.Create("\\{[]\r\n"u8);

    Place _place;
    bool _begun;

    /// <inheritdoc/>
    public PooledBuffer Output { get; } = new();

    /// <inheritdoc/>
    public long Rows { get; private set; }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            if (_place is Place.InRow or Place.InText or Place.InEscape)
            {
                piece = piece[CopyRow(piece)..];
            }
            else
            {
                Step(piece[0]);
                piece = piece[1..];
            }
        }
    }

    /// <inheritdoc/>
    public void EndArray()
    {
        if (_place != Place.AfterArray)
            throw NoRows();
        _place = Place.BeforeArray;
    }

    /// <inheritdoc/>
    public void EndDocument()
    {
        Begin();
        if (!lines)
            Output.Append((byte)']');
    }

    /// <inheritdoc/>
    public void Dispose() => Output.Dispose();

    /// <summary>Up to the end of the row, or of what there is of it.</summary>
    /// <returns>Bytes copied.</returns>
    int CopyRow(ReadOnlySpan<byte> piece)
    {
        var at = _place == Place.InRow ? LengthOfPlain(piece) : 0;
        if (at > 0)
            _place = Place.AfterRow;
        while (at < piece.Length && _place != Place.AfterRow)
        {
            if (_place == Place.InEscape)
            {
                (_place, at) = (Place.InText, at + 1);
                continue;
            }
            var next = piece[at..].IndexOfAny(_place == Place.InText ? TextMarks : RowMarks);
            if (next < 0)
            {
                at = piece.Length;
                break;
            }
            at += next + 1;
            _place = (_place, piece[at - 1]) switch
            {
                (Place.InText, (byte)'\\') => Place.InEscape,
                (Place.InText, (byte)'"') => Place.InRow,
                (Place.InRow, (byte)'"') => Place.InText,
                (Place.InRow, (byte)'}') => Place.AfterRow,
                _ => throw NoRows(),
            };
        }
        Output.Append(piece[..at]);
        if (_place == Place.AfterRow)
        {
            if (lines)
                Output.Append((byte)'\n');
            Rows++;
        }
        return at;
    }

    /// <summary>The rest of a row as most are, found without looking at each value.</summary>
    /// <returns>Its bytes with the closing brace; 0 where it must be looked at.</returns>
    static int LengthOfPlain(ReadOnlySpan<byte> piece)
    {
        var end = piece.IndexOf((byte)'}');
        return end >= 0 && !piece[..end].ContainsAny(Unusual) && (piece[..end].Count((byte)'"') & 1) == 0 ? end + 1 : 0;
    }

    /// <summary>One byte between rows.</summary>
    void Step(byte read)
    {
        if (read is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            return;
        _place = (_place, read) switch
        {
            (Place.BeforeArray, (byte)'[') => Place.BeforeFirstRow,
            (Place.BeforeFirstRow or Place.BeforeNextRow, (byte)'{') => Place.InRow,
            (Place.AfterRow, (byte)',') => Place.BeforeNextRow,
            (Place.BeforeFirstRow or Place.AfterRow, (byte)']') => Place.AfterArray,
            _ => throw NoRows(),
        };
        if (_place == Place.BeforeFirstRow)
            Begin();
        if (_place == Place.InRow)
            Output.Append(lines || Rows == 0 && head is null or [] ? "{"u8 : ",{"u8);
    }

    void Begin()
    {
        if (!_begun && !lines)
        {
            Output.Append((byte)'[');
            Output.Append(head);
        }
        _begun = true;
    }

    static InvalidDataException NoRows() => new("What came is no whole array of row objects.");
}
