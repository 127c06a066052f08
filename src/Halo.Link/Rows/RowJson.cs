using System.Buffers;
using System.Data.Common;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Halo.Link.Rows;

/// <summary>Escapes what JSON demands (quote, backslash, controls) and nothing else: text of every plane stays UTF-8. What is no Unicode becomes U+FFFD.</summary>
/// <remarks>.NET's own relaxed encoder writes everything beyond the basic plane as two escapes, 12 bytes in place of 4.</remarks>
sealed unsafe class RowJson : JavaScriptEncoder
{
    const int Window = 256;
    const string Demanded = "\0\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f\"\\";
    static readonly SearchValues<byte> PlainBytes = SearchValues.Create([.. Plain().Select(c => (byte)c)]);
    static readonly SearchValues<char> PlainChars = SearchValues.Create([.. Plain()]);
    static readonly SearchValues<char> DemandedChars = SearchValues.Create(Demanded);
    static readonly SearchValues<byte> DemandedBytes = SearchValues.Create([.. Demanded.Select(c => (byte)c)]);

    RowJson()
    {
    }

    public static RowJson Encoder { get; } = new();

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar < 0x20 || unicodeScalar is '"' or '\\';

    public override int FindFirstCharacterToEncodeUtf8(ReadOnlySpan<byte> utf8Text)
    {
        // 1. Up to the first byte that is not plain ASCII, which for most values is their end.
        var start = utf8Text.IndexOfAnyExcept(PlainBytes);
        if (start < 0 || utf8Text[start] < 0x80)
            return start;
        // 2. Other characters need nothing, as long as they are some.
        var rest = utf8Text[start..];
        var end = rest.IndexOfAny(DemandedBytes);
        var text = end < 0 ? rest : rest[..end];
        if (Utf8.IsValid(text))
            return end < 0 ? -1 : start + end;
        while (Rune.DecodeFromUtf8(text, out _, out var length) == OperationStatus.Done)
            text = text[length..];
        return utf8Text.Length - rest.Length + (end < 0 ? rest.Length : end) - text.Length;
    }

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var whole = new ReadOnlySpan<char>(text, textLength);
        var start = whole.IndexOfAnyExcept(PlainChars);
        if (start < 0 || whole[start] < 0x80)
            return start;
        var rest = whole[start..];
        var end = rest.IndexOfAny(DemandedChars);
        var valid = ValidLength(end < 0 ? rest : rest[..end]);
        return valid == rest.Length ? -1 : start + valid;
    }

    public override OperationStatus EncodeUtf8(
        ReadOnlySpan<byte> utf8Source, Span<byte> utf8Destination, out int bytesConsumed, out int bytesWritten, bool isFinalBlock = true)
    {
        bytesConsumed = bytesWritten = 0;
        while (bytesConsumed < utf8Source.Length)
        {
            var rest = utf8Source[bytesConsumed..];
            var room = utf8Destination[bytesWritten..];
            int read, written;
            if (rest[0] < 0x80 && WillEncode(rest[0]))
            {
                read = 1;
                if (!TryEscape(rest[0], room, out written))
                    return OperationStatus.DestinationTooSmall;
            }
            else if (Run(rest, room.Length) is > 0 and var run)
            {
                rest[..run].CopyTo(room);
                read = written = run;
            }
            else
            {
                // Damaged, or too long for what room there is.
                var status = Rune.DecodeFromUtf8(rest, out var rune, out read);
                if (status == OperationStatus.NeedMoreData && !isFinalBlock)
                    return status;
                if (!rune.TryEncodeToUtf8(room, out written))
                    return OperationStatus.DestinationTooSmall;
            }
            bytesConsumed += read;
            bytesWritten += written;
        }
        return OperationStatus.Done;
    }

    public override OperationStatus Encode(
        ReadOnlySpan<char> source, Span<char> destination, out int charsConsumed, out int charsWritten, bool isFinalBlock = true)
    {
        charsConsumed = charsWritten = 0;
        Span<byte> escape = stackalloc byte[6];
        while (charsConsumed < source.Length)
        {
            var rest = source[charsConsumed..];
            var room = destination[charsWritten..];
            int read, written;
            if (WillEncode(rest[0]))
            {
                read = 1;
                TryEscape(rest[0], escape, out written);
                if (written > room.Length)
                    return OperationStatus.DestinationTooSmall;
                Ascii.ToUtf16(escape[..written], room, out _);
            }
            else if (Run(rest, room.Length) is > 0 and var run)
            {
                rest[..run].CopyTo(room);
                read = written = run;
            }
            else
            {
                var status = Rune.DecodeFromUtf16(rest, out var rune, out read);
                if (status == OperationStatus.NeedMoreData && !isFinalBlock)
                    return status;
                if (!rune.TryEncodeToUtf16(room, out written))
                    return OperationStatus.DestinationTooSmall;
            }
            charsConsumed += read;
            charsWritten += written;
        }
        return OperationStatus.Done;
    }

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var room = new Span<char>(buffer, bufferLength);
        if (!WillEncode(unicodeScalar))
            return new Rune(unicodeScalar).TryEncodeToUtf16(room, out numberOfCharactersWritten);
        Span<byte> escape = stackalloc byte[6];
        TryEscape(unicodeScalar, escape, out var length);
        numberOfCharactersWritten = 0;
        if (length > room.Length)
            return false;
        foreach (var c in escape[..length])
            room[numberOfCharactersWritten++] = (char)c;
        return true;
    }

    /// <summary>How much of the text's beginning can be copied as it is; looks at a window, so that a damaged text costs no more than its length.</summary>
    static int Run(ReadOnlySpan<byte> text, int room)
    {
        var window = text[..Math.Min(Math.Min(text.Length, room), Window)];
        var end = window.IndexOfAnyExcept(PlainBytes);
        if (end != 0)
            return end < 0 ? window.Length : end;
        end = window.IndexOfAny(DemandedBytes);
        if (end < 0)
        {
            // Not through the middle of a character.
            end = window.Length;
            while (end > 0 && end < text.Length && (text[end] & 0xC0) == 0x80)
                end--;
        }
        return Utf8.IsValid(window[..end]) ? end : 0;
    }

    static int Run(ReadOnlySpan<char> text, int room)
    {
        var window = text[..Math.Min(Math.Min(text.Length, room), Window)];
        var end = window.IndexOfAny(DemandedChars);
        return ValidLength(end < 0 ? window : window[..end]);
    }

    /// <summary>Up to the first surrogate that stands alone.</summary>
    static int ValidLength(ReadOnlySpan<char> text)
    {
        for (var i = 0; ; i += 2)
        {
            var next = text[i..].IndexOfAnyInRange('\uD800', '\uDFFF');
            if (next < 0)
                return text.Length;
            i += next;
            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return i;
        }
    }

    static bool TryEscape(int character, Span<byte> room, out int length)
    {
        var letter = character switch { '"' => '"', '\\' => '\\', '\b' => 'b', '\t' => 't', '\n' => 'n', '\f' => 'f', '\r' => 'r', _ => 'u' };
        length = letter == 'u' ? 6 : 2;
        if (room.Length < length)
        {
            length = 0;
            return false;
        }
        room[0] = (byte)'\\';
        room[1] = (byte)letter;
        if (letter == 'u')
        {
            room[2] = room[3] = (byte)'0';
            room[4] = (byte)(character < 0x10 ? '0' : '1');
            room[5] = "0123456789ABCDEF"u8[character & 0xF];
        }
        return true;
    }

    static IEnumerable<char> Plain() => Enumerable.Range(0, 0x80).Select(i => (char)i).Where(c => !Demanded.Contains(c, StringComparison.Ordinal));
}

/// <summary>Writes one value of the current row as JSON. Chosen once per column: no boxing, no allocation of its own.</summary>
delegate void ValueWriter(DbDataReader reader, int ordinal, Utf8JsonWriter json);
