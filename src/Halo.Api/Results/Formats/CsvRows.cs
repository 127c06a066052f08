using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>CSV by RFC 4180: a header line, CRLF after every line, quotes where they are needed. NULL is an empty field, empty text is <c>""</c>.</summary>
/// <param name="columns">Names of the columns; a result without columns has no header and no lines.</param>
public sealed class CsvRows(IReadOnlyList<string> columns) : IRowWriter
{
    static readonly SearchValues<byte> NeedQuotes = SearchValues.Create(",\"\r\n"u8);

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

    static void WriteUnescaped(PooledBuffer output, ref readonly Utf8JsonReader value)
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

    static void WriteText(PooledBuffer output, ReadOnlySpan<byte> text)
    {
        if (!text.IsEmpty && !text.ContainsAny(NeedQuotes))
        {
            output.Append(text);
            return;
        }
        output.Append((byte)'"');
        while (text.IndexOf((byte)'"') is var quote and >= 0)
        {
            output.Append(text[..(quote + 1)]);
            output.Append((byte)'"');
            text = text[(quote + 1)..];
        }
        output.Append(text);
        output.Append((byte)'"');
    }
}
