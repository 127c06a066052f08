using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>Rows as JSON objects, in one array or one to a line. Names and strings keep the escapes with which they came.</summary>
/// <param name="lines">One to a line (NDJSON); otherwise one array.</param>
/// <param name="asText">By column: whether its numbers are written as strings.</param>
/// <param name="head">JSON that stands before the first row as the array's first value; null or empty: none.</param>
sealed class JsonRows(bool lines, bool[] asText, byte[]? head = null) : IRowWriter
{
    /// <inheritdoc/>
    public void Begin(PooledBuffer output)
    {
        if (lines)
            return;
        output.Append((byte)'[');
        output.Append(head);
    }

    /// <inheritdoc/>
    public void BeginRow(PooledBuffer output, bool first) => output.Append(lines || first && head is null or [] ? "{"u8 : ",{"u8);

    /// <inheritdoc/>
    public void Name(PooledBuffer output, ref readonly Utf8JsonReader name, int column)
    {
        var raw = name.ValueSpan;
        var room = output.GetSpan(raw.Length + 4);
        var at = 0;
        if (column > 0)
            room[at++] = (byte)',';
        room[at++] = (byte)'"';
        raw.CopyTo(room[at..]);
        at += raw.Length;
        room[at++] = (byte)'"';
        room[at++] = (byte)':';
        output.Advance(at);
    }

    /// <inheritdoc/>
    public void Value(PooledBuffer output, ref readonly Utf8JsonReader value, int column)
    {
        var raw = value.ValueSpan;
        if (value.TokenType != JsonTokenType.String && !(value.TokenType == JsonTokenType.Number && column < asText.Length && asText[column]))
        {
            output.Append(raw);
            return;
        }
        var room = output.GetSpan(raw.Length + 2);
        room[0] = (byte)'"';
        raw.CopyTo(room[1..]);
        room[raw.Length + 1] = (byte)'"';
        output.Advance(raw.Length + 2);
    }

    /// <inheritdoc/>
    public void BeginText(PooledBuffer output, int column) => output.Append((byte)'"');

    /// <inheritdoc/>
    public void Text(PooledBuffer output, ReadOnlySpan<byte> piece) => output.Append(piece);

    /// <inheritdoc/>
    public void EndText(PooledBuffer output) => output.Append((byte)'"');

    /// <inheritdoc/>
    public void EndRow(PooledBuffer output, int count) => output.Append(lines ? "}\n"u8 : "}"u8);

    /// <inheritdoc/>
    public void End(PooledBuffer output)
    {
        if (!lines)
            output.Append((byte)']');
    }
}
