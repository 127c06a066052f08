using System.Globalization;
using System.Text.Json;

namespace Halo.SystemTests;

/// <summary>Compares a value of an answer with what the database's driver gives for it.</summary>
static class JsonComparison
{
    /// <summary>The value as the contract writes it: JSON text, strings with their quotes.</summary>
    public static string Expected(object value) => value switch
    {
        DBNull => "null",
        bool flag => flag ? "true" : "false",
        string text => Quoted(text),
        Guid id => Quoted(id.ToString()),
        DateOnly date => Quoted(date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        DateTime { Kind: DateTimeKind.Utc } time => Quoted(time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'+00:00'", CultureInfo.InvariantCulture)),
        DateTime time => Quoted(time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
        byte[] bytes => Quoted(Convert.ToBase64String(bytes)),
        double number when !double.IsFinite(number) => Quoted(number.ToString(CultureInfo.InvariantCulture)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException(value.GetType().Name),
    };

    /// <summary>Equal by text, and floating numbers by value.</summary>
    public static bool Same(object expected, JsonElement actual) => (expected, actual.ValueKind) switch
    {
        (double number, JsonValueKind.Number) => actual.GetDouble() == number,
        (float number, JsonValueKind.Number) => actual.GetSingle() == number,
        // SQLite: a column declared DATETIME is shown in ISO 8601, whatever stands between day and time in the file.
        (string text, JsonValueKind.String) => actual.GetString() == text || actual.GetString() == IsoOf(text),
        (_, JsonValueKind.String) => Quoted(actual.GetString()!) == Expected(expected),
        _ => actual.GetRawText() == Expected(expected),
    };

    static string IsoOf(string text) =>
        DateTime.TryParseExact(text, "yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? text.Replace(' ', 'T') : text;

    static string Quoted(string text) => JsonSerializer.Serialize(text);
}
