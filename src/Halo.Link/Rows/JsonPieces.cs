using System.Text.Json;

namespace Halo.Link.Rows;

/// <summary>Writes values of any length without ever asking the sink for a buffer of that length: a long one goes in pieces.</summary>
static class JsonPieces
{
    /// <summary>
    /// Escaped, a piece needs at most six times its length, and that much a sink must have free before it is known how little it is. Of pieces of 16 KiB a
    /// long text full of quotes took four times its own length in memory, since each of the sink's buffers stayed three quarters empty.
    /// </summary>
    public const int Bytes = 4 * 1024;

    /// <summary>A string of UTF-8; what is none becomes U+FFFD.</summary>
    public static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        if (text.Length <= Bytes)
        {
            json.WriteStringValue(text);
            return;
        }
        for (; text.Length > Bytes; text = text[Bytes..])
            json.WriteStringValueSegment(text[..Bytes], isFinalSegment: false);
        json.WriteStringValueSegment(text, isFinalSegment: true);
    }

    /// <summary>Binary as base64.</summary>
    public static void WriteBase64(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= Bytes)
        {
            json.WriteBase64StringValue(bytes);
            return;
        }
        for (; bytes.Length > Bytes; bytes = bytes[Bytes..])
            json.WriteBase64StringSegment(bytes[..Bytes], isFinalSegment: false);
        json.WriteBase64StringSegment(bytes, isFinalSegment: true);
    }
}
