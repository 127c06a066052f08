using System.Buffers;
using System.Text.Json;

namespace Halo.Link.Engines.Postgres;

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
            length = Unescape(text, bytes);
        json.WriteBase64StringValue(bytes.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(bytes);
    }

    static int Unescape(ReadOnlySpan<byte> text, Span<byte> bytes)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
                bytes[length++] = text[i];
            else if (text[i + 1] == '\\')
                bytes[length++] = text[++i];
            else
            {
                bytes[length++] = (byte)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
                i += 3;
            }
        }
        return length;
    }
}
