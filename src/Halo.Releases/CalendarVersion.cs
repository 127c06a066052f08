using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Halo.Releases;

/// <summary>A version <c>YY.Mdd.build</c>, compared part by part as numbers.</summary>
readonly record struct CalendarVersion(int Year, int MonthAndDay, int Build) : IComparable<CalendarVersion>
{
    const int LongestText = 20;

    /// <summary>Only the form in which versions are written: no signs, no blanks, no leading zeros, since it also names a directory.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out CalendarVersion version)
    {
        version = default;
        if (text is null || text.Length > LongestText || text.Split('.') is not [var year, var day, var build])
            return false;
        if (year.Length != 2 || day.Length is not (3 or 4) || !Number(year, out var y) || !Number(day, out var d) || !Number(build, out var b))
            return false;
        version = new(y, d, b);
        return version.ToString() == text;
    }

    static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    public int CompareTo(CalendarVersion other) => (Year, MonthAndDay, Build).CompareTo((other.Year, other.MonthAndDay, other.Build));

    public static bool operator <(CalendarVersion left, CalendarVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(CalendarVersion left, CalendarVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(CalendarVersion left, CalendarVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(CalendarVersion left, CalendarVersion right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Year:00}.{MonthAndDay:000}.{Build}");
}
