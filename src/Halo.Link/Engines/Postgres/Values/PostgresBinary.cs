using System.Buffers;
using System.Text.Json;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary><c>bytea</c> as base64.</summary>
static class PostgresBinary
{
    /// <summary>From the hex form, which the session asks for, or the escape form, which a command can switch on for itself.</summary>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(text.Length + 1);
        var length = 0;
        if (text.StartsWith("\\x"u8))
            Convert.FromHexString(text[2..], bytes, out _, out length);
        else
            (_, length) = Unescape(text, bytes);
        json.WriteBase64StringValue(bytes.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>A value of any length, in pieces.</summary>
    /// <param name="start">The value's beginning; of the hex form of even length.</param>
    /// <param name="total">Bytes of the text.</param>
    /// <param name="read">Fills a buffer with what stands from an offset on, each called with the end of the last; gives how much it was.</param>
    public static void WriteLong(Utf8JsonWriter json, ReadOnlySpan<byte> start, int total, Func<int, byte[], int> read)
    {
        var isHex = start.StartsWith("\\x"u8);
        var text = ArrayPool<byte>.Shared.Rent(JsonPieces.Bytes + start.Length);
        var piece = ArrayPool<byte>.Shared.Rent(JsonPieces.Bytes);
        var bytes = ArrayPool<byte>.Shared.Rent(text.Length);
        var offset = start.Length;
        var kept = start.Length - (isHex ? 2 : 0);
        start[^kept..].CopyTo(text);
        while (true)
        {
            int used, length;
            if (isHex)
            {
                // A pair of digits may be split over two pieces.
                used = kept & ~1;
                Convert.FromHexString(text.AsSpan(0, used), bytes, out _, out length);
            }
            else
                (used, length) = Unescape(text.AsSpan(0, kept), bytes);
            json.WriteBase64StringSegment(bytes.AsSpan(0, length), isFinalSegment: offset == total);
            if (offset == total)
                break;
            text.AsSpan(used, kept - used).CopyTo(text);
            kept -= used;
            var more = read(offset, piece);
            piece.AsSpan(0, more).CopyTo(text.AsSpan(kept));
            (offset, kept) = (offset + more, kept + more);
        }
        ArrayPool<byte>.Shared.Return(text);
        ArrayPool<byte>.Shared.Return(piece);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <returns>How much was understood, up to an escape that is not there to its end, and how many bytes came of it.</returns>
    static (int Used, int Length) Unescape(ReadOnlySpan<byte> text, Span<byte> bytes)
    {
        var length = 0;
        var i = 0;
        while (i < text.Length)
        {
            if (text[i] != '\\')
                bytes[length++] = text[i++];
            else if (i + 1 < text.Length && text[i + 1] == '\\')
            {
                bytes[length++] = (byte)'\\';
                i += 2;
            }
            else if (i + 3 < text.Length)
            {
                bytes[length++] = (byte)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
                i += 4;
            }
            else
                break;
        }
        return (i, length);
    }
}
