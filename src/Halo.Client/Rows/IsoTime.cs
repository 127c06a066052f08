namespace Halo.Client.Rows;

/// <summary>Dates and times as rows have them: <c>2026-03-05</c>, <c>2026-03-05T14:30:00.123+11:00</c>, <c>14:30:00.1230000</c>.</summary>
static class IsoTime
{
    const int DateLength = 10, ClockLength = 8, MostDigits = 7;

    /// <param name="offset">Null where the text has none.</param>
    public static bool TryMoment(ReadOnlySpan<byte> text, out DateTime local, out TimeSpan? offset)
    {
        (local, offset) = (default, null);
        if (text.Length < DateLength || !TryDate(text[..DateLength], out var date))
            return false;
        local = date.ToDateTime(TimeOnly.MinValue);
        text = text[DateLength..];
        if (text.IsEmpty)
            return true;
        if (text[0] is not ((byte)'T' or (byte)' '))
            return false;
        text = text[1..];
        var zone = text.IndexOfAny((byte)'+', (byte)'-', (byte)'Z');
        if (!TryClock(zone < 0 ? text : text[..zone], out var clock) || clock.Days > 0)
            return false;
        local += clock;
        if (zone < 0)
            return true;
        var away = TimeSpan.Zero;
        if (text[zone..] is not [(byte)'Z'] && !TryOffset(text[zone..], out away))
            return false;
        offset = away;
        return true;
    }

    public static bool TryDate(ReadOnlySpan<byte> text, out DateOnly date)
    {
        date = default;
        if (text.Length != DateLength || text[4] != '-' || text[7] != '-')
            return false;
        var (year, month, day) = (Digits(text[..4]), Digits(text[5..7]), Digits(text[8..]));
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return false;
        date = new(year, month, day);
        return true;
    }

    /// <summary>A time of day, up to and with 24:00:00.</summary>
    public static bool TryClock(ReadOnlySpan<byte> text, out TimeSpan clock)
    {
        clock = default;
        if (text.Length < ClockLength || text[2] != ':' || text[5] != ':')
            return false;
        var (hour, minute, second) = (Digits(text[..2]), Digits(text[3..5]), Digits(text[6..8]));
        if (hour is < 0 or > 24 || minute is < 0 or > 59 || second is < 0 or > 59)
            return false;
        var ticks = 0;
        if (text.Length > ClockLength)
        {
            var fraction = text[(ClockLength + 1)..].TrimEnd((byte)'0');
            if (text[ClockLength] != '.' || text.Length == ClockLength + 1 || fraction.Length > MostDigits)
                return false;
            ticks = fraction.IsEmpty ? 0 : Digits(fraction);
            if (ticks < 0)
                return false;
            for (var i = fraction.Length; i < MostDigits; i++)
                ticks *= 10;
        }
        clock = new TimeSpan(hour, minute, second) + new TimeSpan(ticks);
        return clock <= TimeSpan.FromDays(1);
    }

    static bool TryOffset(ReadOnlySpan<byte> text, out TimeSpan offset)
    {
        offset = default;
        var (hours, minutes) = text.Length switch
        {
            3 => (Digits(text[1..]), 0),
            6 when text[3] == ':' => (Digits(text[1..3]), Digits(text[4..])),
            _ => (-1, -1),
        };
        if (hours is < 0 or > 14 || minutes is < 0 or > 59)
            return false;
        offset = new TimeSpan(hours, minutes, 0);
        if (text[0] == '-')
            offset = -offset;
        return offset.Duration() <= TimeSpan.FromHours(14);
    }

    static int Digits(ReadOnlySpan<byte> text)
    {
        var number = 0;
        foreach (var c in text)
        {
            if (c is < (byte)'0' or > (byte)'9')
                return -1;
            number = 10 * number + c - '0';
        }
        return number;
    }
}
