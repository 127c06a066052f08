using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Npgsql;
using NpgsqlTypes;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>Binds by the declared type, where .NET's is too narrow as its text; without one as text whose type the server infers.</summary>
static class PostgresParameters
{
    public static NpgsqlParameter? Bind(CommandParameter parameter, string name, ICollection<FieldError> faults)
    {
        if (parameter.Type is SqlType.Structured or SqlType.Udt or SqlType.Variant or SqlType.Timestamp)
        {
            faults.NoSuchType(parameter, "PostgreSQL");
            return null;
        }
        var type = TypeOf(parameter.Type);
        if (ParameterValue.TryRead(parameter.Value, parameter.Type, out var value, out var expected))
            return Make(name, type, value);
        // What PostgreSQL knows and .NET does not: infinity, NaN, years BC and beyond 9999, 24:00:00.
        if (parameter.Value is { ValueKind: JsonValueKind.String } json && json.GetRawText().Trim('"') is var text && IsBeyondDotNet(text, type))
            return Text(name, type, text);
        faults.NotConvertible(parameter, expected);
        return null;
    }

    static NpgsqlParameter Make(string name, NpgsqlDbType type, object? value) => value switch
    {
        // Named, so that every other arm is one too, not a parameter of text.
        null => new NpgsqlParameter(name, type) { Value = DBNull.Value },
        DecimalText number when type == NpgsqlDbType.Unknown => new(name, type) { Value = number.Text },
        DecimalText number => Text(name, type, number.Text),
        long whole when type == NpgsqlDbType.Unknown => new(name, type) { Value = whole.ToString(CultureInfo.InvariantCulture) },
        bool bit when type == NpgsqlDbType.Unknown => new(name, type) { Value = bit ? "true" : "false" },
        byte small => new(name, type) { Value = (short)small },
        // The driver takes .NET's first and last moment for infinity.
        DateOnly date when date == DateOnly.MaxValue || date == DateOnly.MinValue =>
            Text(name, type, date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        DateTime moment when moment == DateTime.MaxValue || moment == DateTime.MinValue =>
            Text(name, type, moment.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture)),
        DateTime moment => new(name, type) { Value = new DateTime(Rounded(moment.Ticks, DateTime.MaxValue.Ticks)) },
        DateTimeOffset moment when moment.UtcTicks == DateTime.MinValue.Ticks || moment.UtcTicks == DateTime.MaxValue.Ticks =>
            Text(name, type, moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff'+00'", CultureInfo.InvariantCulture)),
        DateTimeOffset moment => new(name, type) { Value = new DateTime(Rounded(moment.UtcTicks, DateTime.MaxValue.Ticks), DateTimeKind.Utc) },
        TimeOnly moment => new(name, type) { Value = new TimeOnly(Rounded(moment.Ticks, TimeOnly.MaxValue.Ticks)) },
        _ => new(name, type) { Value = value },
    };

    /// <summary>To whole microseconds, as PostgreSQL rounds them; never over the end of the range.</summary>
    static long Rounded(long ticks, long most) => Math.Min((ticks + 5) / 10, most / 10) * 10;

    static NpgsqlParameter<PostgresText> Text(string name, NpgsqlDbType type, string text) => new(name, type) { TypedValue = new(text) };

    static bool IsBeyondDotNet(string text, NpgsqlDbType type) => type switch
    {
        NpgsqlDbType.Numeric => text is "NaN" or "Infinity" or "-Infinity",
        NpgsqlDbType.Time => text == "24:00:00",
        NpgsqlDbType.TimestampTz => text is "infinity" or "-infinity" || HasFarYear(text),
        // The server would drop an offset in silence.
        NpgsqlDbType.Date or NpgsqlDbType.Timestamp => text is "infinity" or "-infinity" || HasFarYear(text) && !HasOffset(text),
        _ => false,
    };

    /// <summary>A year BC or of more than four digits; whether the rest is right the server says.</summary>
    static bool HasFarYear(string text) =>
        text.Length > 0 && char.IsAsciiDigit(text[0]) && (text.EndsWith(" BC", StringComparison.Ordinal) || text.IndexOf('-', StringComparison.Ordinal) > 4)
            && text.All(static c => char.IsAsciiDigit(c) || c is '-' or ':' or '.' or ' ' or 'T' or '+' or 'B' or 'C' or 'Z');

    /// <summary>A sign behind the time of day; UTC's <c>Z</c> is none.</summary>
    static bool HasOffset(string text) => text.IndexOf(':', StringComparison.Ordinal) is >= 0 and var time && text.AsSpan(time).IndexOfAny('+', '-') >= 0;

    static NpgsqlDbType TypeOf(SqlType? type) => type switch
    {
        SqlType.BigInt => NpgsqlDbType.Bigint,
        SqlType.Int => NpgsqlDbType.Integer,
        SqlType.SmallInt or SqlType.TinyInt => NpgsqlDbType.Smallint,
        SqlType.Bit => NpgsqlDbType.Boolean,
        SqlType.Decimal or SqlType.Money or SqlType.SmallMoney => NpgsqlDbType.Numeric,
        SqlType.Float => NpgsqlDbType.Double,
        SqlType.Real => NpgsqlDbType.Real,
        SqlType.Binary or SqlType.VarBinary or SqlType.Image => NpgsqlDbType.Bytea,
        SqlType.UniqueIdentifier => NpgsqlDbType.Uuid,
        SqlType.Date => NpgsqlDbType.Date,
        SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => NpgsqlDbType.Timestamp,
        SqlType.DateTimeOffset => NpgsqlDbType.TimestampTz,
        SqlType.Time => NpgsqlDbType.Time,
        SqlType.Char or SqlType.NChar => NpgsqlDbType.Char,
        SqlType.Xml => NpgsqlDbType.Xml,
        SqlType.String or SqlType.NText or SqlType.NVarChar or SqlType.Text or SqlType.VarChar => NpgsqlDbType.Text,
        _ => NpgsqlDbType.Unknown,
    };
}
