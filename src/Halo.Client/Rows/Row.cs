using System.Text;
using System.Text.Json;

namespace Halo.Client.Rows;

/// <summary>The current row of a <see cref="RowReader"/>: its values as they stand in the buffer, read when they are asked for.</summary>
sealed class Row
{
    byte[] _bytes = [];
    Cell[] _cells = [];
    byte[][] _rawNames = [];
    int _start, _length;

    /// <summary>From 1.</summary>
    public long Number { get; private set; }

    /// <summary>Names of the columns, the same for each row; empty before the first.</summary>
    public string[] Names { get; private set; } = [];

    public bool IsNull(int column) => _cells[column].Kind == JsonTokenType.Null;

    public JsonTokenType KindOf(int column) => _cells[column].Kind;

    /// <summary>The digits of a number, the word of a boolean, the text of a string with its escapes.</summary>
    public ReadOnlySpan<byte> Raw(int column) => _bytes.AsSpan(_cells[column].Start, _cells[column].Length);

    public bool IsEscaped(int column) => _cells[column].IsEscaped;

    /// <summary>The value as text: of a number its digits as they came.</summary>
    public string? Text(int column)
    {
        var cell = _cells[column];
        if (cell.Kind == JsonTokenType.Null)
            return null;
        if (!cell.IsEscaped)
            return Encoding.UTF8.GetString(Raw(column));
        var reader = new Utf8JsonReader(_bytes.AsSpan(cell.Start - 1, cell.Length + 2));
        reader.Read();
        return reader.GetString();
    }

    public JsonElement Element(int column)
    {
        var cell = _cells[column];
        var quote = cell.Kind == JsonTokenType.String ? 1 : 0;
        var reader = new Utf8JsonReader(_bytes.AsSpan(cell.Start - quote, cell.Length + 2 * quote));
        return JsonElement.ParseValue(ref reader);
    }

    /// <summary>The whole row as it came, in the buffer.</summary>
    public ReadOnlySpan<byte> Json => _bytes.AsSpan(_start, _length);

    /// <summary>The whole row, apart from the buffer.</summary>
    public JsonElement Element()
    {
        var reader = new Utf8JsonReader(_bytes.AsSpan(_start, _length));
        return JsonElement.ParseValue(ref reader);
    }

    public HaloMappingException Unreadable(int column, string reason) =>
        new($"Column {Names[column]} of row {Number}: {reason}") { Column = Names[column], Row = Number };

    /// <summary>Takes the row that begins with the first of <paramref name="length"/> bytes.</summary>
    /// <returns>Its length; 0: it goes on behind them.</returns>
    /// <exception cref="JsonException">It is none.</exception>
    public int TryTake(byte[] bytes, int start, int length)
    {
        var reader = new Utf8JsonReader(bytes.AsSpan(start, length), isFinalBlock: false, default);
        if (!reader.Read())
            return 0;
        var isFirst = Number == 0;
        var count = 0;
        while (true)
        {
            if (!reader.Read())
                return 0;
            if (reader.TokenType == JsonTokenType.EndObject)
                break;
            if (isFirst)
                Learn(count, ref reader);
            else if (count >= Names.Length || !reader.ValueSpan.SequenceEqual(_rawNames[count]) && !reader.ValueTextEquals(Names[count]))
                throw new JsonException("The rows have different columns.");
            if (!reader.Read())
                return 0;
            var at = start + (int)reader.TokenStartIndex;
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                var kind = reader.TokenType;
                if (!reader.TrySkip())
                    return 0;
                _cells[count++] = new(kind, at, start + (int)reader.BytesConsumed - at, false);
                continue;
            }
            _cells[count++] = reader.TokenType == JsonTokenType.String
                ? new(JsonTokenType.String, at + 1, reader.ValueSpan.Length, reader.ValueIsEscaped)
                : new(reader.TokenType, at, reader.ValueSpan.Length, false);
        }
        if (isFirst)
            (Names, _rawNames) = (Names[..count], _rawNames[..count]);
        else if (count != Names.Length)
            throw new JsonException("The rows have different columns.");
        Number++;
        (_bytes, _start, _length) = (bytes, start, (int)reader.BytesConsumed);
        return _length;
    }

    void Learn(int column, ref readonly Utf8JsonReader reader)
    {
        if (column == _cells.Length)
            Array.Resize(ref _cells, Math.Max(16, 2 * column));
        if (Names.Length < _cells.Length)
        {
            var (names, raw) = (Names, _rawNames);
            Array.Resize(ref names, _cells.Length);
            Array.Resize(ref raw, _cells.Length);
            (Names, _rawNames) = (names, raw);
        }
        Names[column] = reader.GetString()!;
        _rawNames[column] = reader.ValueSpan.ToArray();
    }
}
