using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>CSV by RFC 4180: a header line, CRLF after every line, quotes where they are needed. NULL is an empty field, empty text is <c>""</c>.</summary>
/// <param name="columns">Names of the columns; a result without columns has no header and no lines.</param>
/// <param name="escapeFormulas">Whether texts get an apostrophe where a spreadsheet would take them for formulas (<see cref="CsvFormulas"/>).</param>
sealed class CsvRows(IReadOnlyList<string> columns, bool escapeFormulas = false) : IRowWriter
{
    static readonly SearchValues<byte> NeedQuotes = SearchValues.Create(",\"\r\n"u8);

    /// <summary>Nothing of the long text has been written yet.</summary>
    bool _atStart;

    /// <inheritdoc/>
    public void Begin(PooledBuffer output)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            if (i > 0)
                output.Append((byte)',');
            WriteText(output, Encoding.UTF8.GetBytes(columns[i]));
        }
        if (columns.Count > 0)
            output.Append("\r\n"u8);
    }

    /// <inheritdoc/>
    public void BeginRow(PooledBuffer output, bool first)
    {
        // A line has no opening.
    }

    /// <inheritdoc/>
    public void Name(PooledBuffer output, ref readonly Utf8JsonReader name, int column)
    {
        // The header has it.
    }

    /// <inheritdoc/>
    public void Value(PooledBuffer output, ref readonly Utf8JsonReader value, int column)
    {
        if (column > 0)
            output.Append((byte)',');
        switch (value.TokenType)
        {
            case JsonTokenType.Null:
                break;
            case JsonTokenType.String when value.ValueIsEscaped:
                WriteUnescaped(output, in value);
                break;
            case JsonTokenType.String:
                WriteText(output, value.ValueSpan);
                break;
            default:
                output.Append(value.ValueSpan);
                break;
        }
    }

    /// <inheritdoc/>
    public void BeginText(PooledBuffer output, int column)
    {
        if (column > 0)
            output.Append((byte)',');
        output.Append((byte)'"');
        _atStart = true;
    }

    /// <inheritdoc/>
    public void Text(PooledBuffer output, ReadOnlySpan<byte> piece)
    {
        if (!piece.Contains((byte)'\\'))
        {
            WritePiece(output, piece);
            return;
        }
        // A string of its own, so that the reader undoes its escapes.
        var scratch = ArrayPool<byte>.Shared.Rent(2 * piece.Length + 2);
        try
        {
            var json = scratch.AsSpan(0, piece.Length + 2);
            json[0] = json[^1] = (byte)'"';
            piece.CopyTo(json[1..]);
            var reader = new Utf8JsonReader(json);
            reader.Read();
            var plain = scratch.AsSpan(json.Length);
            WritePiece(output, plain[..reader.CopyString(plain)]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    /// <inheritdoc/>
    public void EndText(PooledBuffer output) => output.Append((byte)'"');

    /// <inheritdoc/>
    public void EndRow(PooledBuffer output, int count)
    {
        if (count != columns.Count)
            throw new InvalidDataException("A row has not as many values as the result has columns.");
        output.Append("\r\n"u8);
    }

    /// <inheritdoc/>
    public void End(PooledBuffer output)
    {
        // The last line's end is the end.
    }

    void WritePiece(PooledBuffer output, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return;
        if (_atStart && escapeFormulas && CsvFormulas.MayBe(text))
            output.Append((byte)'\'');
        _atStart = false;
        WriteQuoted(output, text);
    }

    void WriteUnescaped(PooledBuffer output, ref readonly Utf8JsonReader value)
    {
        // Text is never longer than its escaped form.
        var scratch = ArrayPool<byte>.Shared.Rent(value.ValueSpan.Length);
        try
        {
            WriteText(output, scratch.AsSpan(0, value.CopyString(scratch)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    void WriteText(PooledBuffer output, ReadOnlySpan<byte> text)
    {
        var isFormula = escapeFormulas && CsvFormulas.MayBe(text);
        if (!text.IsEmpty && !isFormula && !text.ContainsAny(NeedQuotes))
        {
            output.Append(text);
            return;
        }
        output.Append((byte)'"');
        if (isFormula)
            output.Append((byte)'\'');
        WriteQuoted(output, text);
        output.Append((byte)'"');
    }

    static void WriteQuoted(PooledBuffer output, ReadOnlySpan<byte> text)
    {
        while (text.IndexOf((byte)'"') is var quote and >= 0)
        {
            output.Append(text[..(quote + 1)]);
            output.Append((byte)'"');
            text = text[(quote + 1)..];
        }
        output.Append(text);
    }
}
