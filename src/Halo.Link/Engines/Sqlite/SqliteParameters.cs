using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Engines.Sqlite;

/// <summary>Binds by SQLite's four storage classes; dates are text in the form of SQLite's own date functions.</summary>
static class SqliteParameters
{
    public static SqliteParameter? Bind(CommandParameter parameter, ICollection<FieldError> faults)
    {
        if (parameter.Direction != ParameterDirection.Input)
            faults.Add(parameter, "SQLite has input parameters only.");
        else if (parameter.Type is SqlType.Structured or SqlType.Udt or SqlType.Variant or SqlType.Timestamp)
            faults.NoSuchType(parameter, "SQLite");
        else if (!ParameterValue.TryRead(parameter.Value, parameter.Type, out var value, out var expected))
            faults.NotConvertible(parameter, expected);
        else if (value is double.NaN or float.NaN)
            faults.NotConvertible(parameter, "a number; SQLite has no NaN");
        else
            return new("@" + parameter.Name.TrimStart('@'), Stored(value, parameter));
        return null;
    }

    static object Stored(object? value, CommandParameter parameter) => value switch
    {
        null => DBNull.Value,
        bool bit => bit ? 1L : 0L,
        DecimalText number => Number(number.Text),
        float real => double.Parse(real.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime moment => moment.ToString("yyyy-MM-dd HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
        DateTimeOffset moment => moment.ToString("yyyy-MM-dd HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture),
        TimeOnly time => time.ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
        // As the caller spells it: SQLite compares GUIDs as text.
        Guid => parameter.Value!.Value.GetString()!,
        _ => value,
    };

    /// <summary>INTEGER or REAL where nothing is lost, else TEXT with every digit.</summary>
    static object Number(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;
        var real = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(real) && SameNumber(real.ToString("R", CultureInfo.InvariantCulture), text) ? real : text;
    }

    static bool SameNumber(string shortest, string given) => Digits(shortest) == Digits(given);

    /// <summary>Sign, significant digits and exponent, so that 1.50, 1.5 and 15e-1 are one.</summary>
    static (bool Negative, string Digits, int Exponent) Digits(string text)
    {
        var e = text.IndexOfAny(['e', 'E']);
        var exponent = e < 0 ? 0 : int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = (e < 0 ? text : text[..e]).TrimStart('+', '-');
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
            exponent -= mantissa.Length - point - 1;
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('0');
        var significant = digits.TrimEnd('0');
        return (text[0] == '-', significant, significant.Length == 0 ? 0 : exponent + digits.Length - significant.Length);
    }
}
