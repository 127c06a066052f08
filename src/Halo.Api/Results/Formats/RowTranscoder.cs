using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>
/// Writes every value anew. It keeps a value that has not arrived whole and nothing more, and of a long text not even that.
/// </summary>
/// <param name="longText">Bytes of a text that have come without its end, from which on it is written as it comes.</param>
sealed class RowTranscoder(IRowWriter writer, int longText = 64 * 1024) : IRowTranscoder
{
    enum Place
    {
        BeforeArray,
        InArray,
        InRow,
        AfterArray,
    }

    /// <summary>Bytes of a name or a number: none is longer, and what has no end must not fill the memory. Links cut names at 1 KiB; older ones at nothing, SQLite's at 1 MiB.</summary>
    const int LongestToken = 4 * 1024 * 1024;

    readonly PooledBuffer _rest = new();
    JsonReaderState _state;
    Place _place;
    bool _begun;
    int _column;
    int _tryFrom;

    /// <summary>The last token was a name: its value comes next.</summary>
    bool _named;
    bool _inText;
    bool _textWritten;

    /// <inheritdoc/>
    public PooledBuffer Output { get; } = new();

    /// <inheritdoc/>
    public long Rows { get; private set; }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<byte> piece)
    {
        if (_rest.Length == 0 && !_inText)
        {
            _rest.Append(piece[Read(piece, last: false)..]);
        }
        else
        {
            _rest.Append(piece);
            // A value of many pieces is not looked through again with each of them.
            if (!_inText && _rest.Length < _tryFrom)
            {
                if (_rest.Length > LongestToken)
                    throw new InvalidDataException("A name or a number of the rows does not end.");
                return;
            }
            if (!_inText)
                _rest.RemoveFirst(Read(_rest.Written.Span, last: false));
        }
        if (!_inText && _named && _rest.Length >= longText && _rest.Written.Span[0] == '"')
        {
            writer.BeginText(Output, _column);
            _rest.RemoveFirst(1);
            _inText = true;
        }
        if (_inText)
            WriteText();
        _tryFrom = _rest.Length * 2;
    }

    /// <summary>Writes on what is there of a long text; behind its end the reader goes on.</summary>
    void WriteText()
    {
        var (length, ended) = TextPiece.Measure(_rest.Written.Span);
        writer.Text(Output, _rest.Written.Span[..length]);
        _rest.RemoveFirst(ended ? length + 1 : length);
        if (!ended)
            return;
        writer.EndText(Output);
        (_inText, _textWritten) = (false, true);
        // The reader has not seen it; for its grammar any string does.
        Read("\"\""u8, last: false);
        _rest.RemoveFirst(Read(_rest.Written.Span, last: false));
    }

    /// <inheritdoc/>
    public void EndArray()
    {
        if (_rest.Length > 0 && !_inText)
            _rest.RemoveFirst(Read(_rest.Written.Span, last: true));
        if (_place != Place.AfterArray)
            throw NoRows();
        _state = default;
        _place = Place.BeforeArray;
        _tryFrom = 0;
    }

    /// <inheritdoc/>
    public void EndDocument()
    {
        Begin();
        writer.End(Output);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rest.Dispose();
        Output.Dispose();
    }

    int Read(ReadOnlySpan<byte> json, bool last)
    {
        var reader = new Utf8JsonReader(json, last, _state);
        while (reader.Read())
        {
            _named = reader.TokenType == JsonTokenType.PropertyName;
            switch (reader.TokenType)
            {
                case JsonTokenType.String when _textWritten:
                    _textWritten = false;
                    _column++;
                    break;
                case JsonTokenType.PropertyName when _place == Place.InRow:
                    writer.Name(Output, in reader, _column);
                    break;
                case JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null when _place == Place.InRow:
                    writer.Value(Output, in reader, _column++);
                    break;
                case JsonTokenType.StartObject when _place == Place.InArray:
                    writer.BeginRow(Output, Rows == 0);
                    _column = 0;
                    _place = Place.InRow;
                    break;
                case JsonTokenType.EndObject:
                    writer.EndRow(Output, _column);
                    Rows++;
                    _place = Place.InArray;
                    break;
                case JsonTokenType.StartArray when _place == Place.BeforeArray:
                    Begin();
                    _place = Place.InArray;
                    break;
                case JsonTokenType.EndArray:
                    _place = Place.AfterArray;
                    break;
                default:
                    throw NoRows();
            }
        }
        _state = reader.CurrentState;
        return (int)reader.BytesConsumed;
    }

    void Begin()
    {
        if (!_begun)
            writer.Begin(Output);
        _begun = true;
    }

    static InvalidDataException NoRows() => new("What came is no whole array of row objects.");
}
