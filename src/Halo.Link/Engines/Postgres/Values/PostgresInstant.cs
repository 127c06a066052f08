using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary><c>timestamptz</c> as UTC. The server writes it in its session's zone, and that is left as it is: queries may rely on it.</summary>
static class PostgresInstant
{
    /// <summary><c>2026-03-06 01:30:00.5+11</c> as <c>2026-03-05T14:30:00.5+00:00</c>; what .NET cannot hold stays the server's text.</summary>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        Span<byte> iso = stackalloc byte[40];
        if (!TryParse(text, out var utc))
        {
            json.WriteStringValue(text);
            return;
        }
        utc.TryFormat(iso, out var length, "yyyy-MM-dd'T'HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture);
        "+00:00"u8.CopyTo(iso[length..]);
        json.WriteStringValue(iso[..(length + 6)]);
    }

    static bool TryParse(ReadOnlySpan<byte> text, out DateTime utc)
    {
        utc = default;
        if (text.Length < 22 || !JsonText.IsDate(text) || text[10] != ' ')
            return false;
        var sign = text[11..].IndexOfAny((byte)'+', (byte)'-');
        if (sign < 8)
            return false;
        sign += 11;
        if (!JsonText.IsTime(text[11..sign]) || !TryParseOffset(text[(sign + 1)..], out var offset) || Number(text[..4]) == 0)
            return false;
        var fraction = sign > 20 ? Number(text[20..sign]) * (long)Math.Pow(10, 7 - (sign - 20)) : 0;
        var local = new DateTime(Number(text[..4]), Number(text[5..7]), Number(text[8..10])).Ticks
            + ((Number(text[11..13]) * 60L + Number(text[14..16])) * 60 + Number(text[17..19])) * TimeSpan.TicksPerSecond + fraction;
        var ticks = text[sign] == '+' ? local - offset : local + offset;
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks)
            return false;
        utc = new DateTime(ticks);
        return true;
    }

    /// <summary><c>11</c>, <c>05:30</c>, and of old local times <c>00:19:32</c>.</summary>
    static bool TryParseOffset(ReadOnlySpan<byte> text, out long ticks)
    {
        var seconds = 0;
        for (var part = 0; part < 3; part++)
        {
            seconds *= 60;
            var start = part * 3;
            if (start < text.Length)
            {
                if (text.Length < start + 2 || text[start..(start + 2)].IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0
                    || start > 0 && text[start - 1] != ':')
                {
                    ticks = 0;
                    return false;
                }
                seconds += Number(text[start..(start + 2)]);
            }
        }
        ticks = seconds * TimeSpan.TicksPerSecond;
        return text.Length is 2 or 5 or 8;
    }

    static int Number(ReadOnlySpan<byte> digits) => Utf8Parser.TryParse(digits, out int value, out _) ? value : 0;
}
