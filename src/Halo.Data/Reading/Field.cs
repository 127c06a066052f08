using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Data.Reading;

/// <summary>A column with the .NET type in which its values are given where none is asked for.</summary>
sealed class Field
{
    const DynamicallyAccessedMemberTypes Shown = DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>PostgreSQL's: always in UTC, which a DateTime says by its kind, as Npgsql has it.</summary>
    const string MomentInUtc = "timestamp with time zone";

    /// <summary>Up to here each whole number is a double.</summary>
    const long MostExact = 1L << 53;

    readonly Func<Row, int, object?> _read;

    /// <param name="column">The column.</param>
    /// <param name="first">What its first value is: SQLite's expressions have no type.</param>
    public Field(ResultColumn column, FirstValue first)
    {
        Column = column;
        Type = TypeOf(column, first);
        _read = Type == typeof(object) ? RowValues.Plain
            : column.Type is not null || Type == typeof(string) ? ValueGetters.Boxed(Type)
            : Type == typeof(long) ? static (row, i) => Whole(row, i)
            : static (row, i) => Real(row, i);
    }

    public ResultColumn Column { get; }

    [DynamicallyAccessedMembers(Shown)]
    public Type Type { get; }

    /// <summary>What a column's first value is, in the current row.</summary>
    public static FirstValue FirstOf(Row row, int ordinal) => row.KindOf(ordinal) switch
    {
        JsonTokenType.Null => FirstValue.None,
        JsonTokenType.Number => row.Raw(ordinal).ContainsAny((byte)'.', (byte)'e', (byte)'E') ? FirstValue.Real : FirstValue.Whole,
        _ => FirstValue.Other,
    };

    /// <exception cref="Client.HaloMappingException">The type does not hold the value whole.</exception>
    public object Read(Row row, int ordinal) => row.IsNull(ordinal) ? DBNull.Value : _read(row, ordinal) ?? DBNull.Value;

    [return: DynamicallyAccessedMembers(Shown)]
    static Type TypeOf(ResultColumn column, FirstValue first) => column.Type switch
    {
        SqlType.BigInt => typeof(long),
        SqlType.Int => typeof(int),
        SqlType.SmallInt => typeof(short),
        SqlType.TinyInt => typeof(byte),
        SqlType.Bit => typeof(bool),
        SqlType.Decimal or SqlType.Money or SqlType.SmallMoney => typeof(decimal),
        SqlType.Float => typeof(double),
        SqlType.Real => typeof(float),
        SqlType.Date or SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => typeof(DateTime),
        SqlType.DateTimeOffset => column.DatabaseType == MomentInUtc ? typeof(DateTime) : typeof(DateTimeOffset),
        SqlType.Time => typeof(TimeSpan),
        SqlType.UniqueIdentifier => typeof(Guid),
        SqlType.Binary or SqlType.VarBinary or SqlType.Image or SqlType.Timestamp or SqlType.Udt => typeof(byte[]),
        SqlType.Variant => typeof(object),
        null => first switch
        {
            FirstValue.Whole => typeof(long),
            FirstValue.Real => typeof(double),
            FirstValue.Other => typeof(string),
            // Anything may follow; but of a type that it has no name for, the service writes the text.
            _ => column.DatabaseType.Length > 0 ? typeof(string) : typeof(object),
        },
        _ => typeof(string),
    };

    static long Whole(Row row, int ordinal) => row.KindOf(ordinal) == JsonTokenType.Number && !long.TryParse(row.Raw(ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
        ? throw row.Unreadable(ordinal, "the column has no type, its first value was a whole number, and this is none. Read it by GetDouble or GetDecimal, or let the first row have a fraction.")
        : RowValues.Whole<long>(row, ordinal);

    static double Real(Row row, int ordinal) => long.TryParse(row.Raw(ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && (whole is > MostExact or < -MostExact)
        ? throw row.Unreadable(ordinal, "the column has no type, its first value had a fraction, and this whole number has more digits than Double holds. Read it by GetInt64.")
        : RowValues.Real<double>(row, ordinal);
}

/// <summary>What the first value of a column is.</summary>
enum FirstValue
{
    /// <summary>There is none, or it is NULL.</summary>
    None,
    Whole,
    Real,
    Other,
}
