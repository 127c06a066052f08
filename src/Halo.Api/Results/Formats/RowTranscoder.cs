using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>
/// Turns JSON arrays of row objects, arriving in pieces of any split, into one document of another form. It keeps a value
/// that has not arrived whole and nothing more; what it has written waits in <see cref="Output"/> for whoever sends it on.
/// </summary>
public sealed class RowTranscoder(IRowWriter writer) : IDisposable
{
    enum Place
    {
        BeforeArray,
        InArray,
        InRow,
        AfterArray,
    }

    readonly PooledBuffer _rest = new();
    JsonReaderState _state;
    Place _place;
    bool _begun;
    int _column;
    int _tryFrom;

    /// <summary>What was written so far and not taken yet.</summary>
    public PooledBuffer Output { get; } = new();

    /// <summary>Rows written, over all arrays.</summary>
    public long Rows { get; private set; }

    /// <summary>The next piece of an array.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidDataException">It is no array of row objects.</exception>
    public void Add(ReadOnlySpan<byte> piece)
    {
        if (_rest.Length == 0)
        {
            _rest.Append(piece[Read(piece, last: false)..]);
        }
        else
        {
            _rest.Append(piece);
            // A value of many pieces is not looked through again with each of them.
            if (_rest.Length < _tryFrom)
                return;
            _rest.RemoveFirst(Read(_rest.Written.Span, last: false));
        }
        _tryFrom = _rest.Length * 2;
    }

    /// <summary>An array has come to its end; another may follow, and its rows join the same document.</summary>
    /// <exception cref="JsonException">It was cut short.</exception>
    /// <exception cref="InvalidDataException">It was cut short.</exception>
    public void EndArray()
    {
        if (_rest.Length > 0)
            _rest.RemoveFirst(Read(_rest.Written.Span, last: true));
        if (_place != Place.AfterArray)
            throw NoRows();
        _state = default;
        _place = Place.BeforeArray;
        _tryFrom = 0;
    }

    /// <summary>There are no more arrays; none at all is a document without rows.</summary>
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
            switch (reader.TokenType)
            {
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
