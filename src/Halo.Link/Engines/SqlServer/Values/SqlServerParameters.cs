using System.Data;
using System.Data.SqlTypes;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Halo.Link.Rows;
using Microsoft.Data.SqlClient;
using ParameterDirection = Halo.Contracts.Queries.ParameterDirection;

namespace Halo.Link.Engines.SqlServer.Values;

/// <summary>Binds every type and direction. Inputs are never shortened: a size counts for what comes back.</summary>
static class SqlServerParameters
{
    /// <summary>Longest value outside the (max) types, in bytes.</summary>
    const int LongestInRow = 8000;

    public static SqlParameter? Bind(CommandParameter parameter, ICollection<FieldError> faults)
    {
        if (!ParameterValue.TryRead(parameter.Value, parameter.Type, out var read, out var expected))
        {
            faults.NotConvertible(parameter, expected);
            return null;
        }
        if (!TryConvert(read, parameter.Type, out var value))
        {
            faults.NotConvertible(parameter, RangeOf(parameter.Type));
            return null;
        }
        if (parameter.Type == SqlType.Udt && string.IsNullOrEmpty(parameter.TypeName))
        {
            faults.Add(parameter, "type Udt needs typeName.");
            return null;
        }
        var bound = new SqlParameter { ParameterName = "@" + parameter.Name.TrimStart('@'), Direction = DirectionOf(parameter.Direction) };
        if (parameter.Type is { } type)
            bound.SqlDbType = TypeOf(type);
        if (parameter.Type == SqlType.Udt && value is not null)
        {
            // The driver wants a .NET class for each type; the server makes one of its bytes.
            if (parameter.Direction != ParameterDirection.Input)
            {
                faults.Add(parameter, "a value of type Udt can only be an input.");
                return null;
            }
            bound.SqlDbType = SqlDbType.VarBinary;
        }
        else if (parameter.Type == SqlType.Udt)
            bound.UdtTypeName = parameter.TypeName;
        bound.Value = value ?? DBNull.Value;
        SetSize(bound, parameter, value);
        return bound;
    }

    public static List<OutputParameter> ReadOutputs(SqlCommand command, QueryCommand asked)
    {
        var outputs = new List<OutputParameter>();
        foreach (var parameter in asked.Parameters ?? [])
        {
            if (parameter.Direction == ParameterDirection.Input)
                continue;
            var bound = command.Parameters["@" + parameter.Name.TrimStart('@')];
            var value = bound.SqlDbType == SqlDbType.Date && bound.Value is DateTime date
                ? date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
                : JsonScalar.Read(json => SqlServerValues.WriteAny(json, bound.SqlDbType == SqlDbType.Udt ? bound.Value : bound.SqlValue));
            outputs.Add(new(parameter.Name, parameter.Direction, parameter.Type, value, parameter.Size));
        }
        return outputs;
    }

    /// <summary>Decimals through <see cref="SqlDecimal"/>, which holds all of SQL Server's 38 digits.</summary>
    /// <returns>False: it is outside of <see cref="RangeOf"/> the type.</returns>
    public static bool TryConvert(object? read, SqlType? type, out object? value)
    {
        value = (read, type) switch
        {
            (DecimalText number, SqlType.Money) => Money(number.Text, -922337203685477.5808m, 922337203685477.5807m),
            (DecimalText number, SqlType.SmallMoney) => Money(number.Text, -214748.3648m, 214748.3647m),
            (DecimalText number, _) => Decimal(number.Text),
            (DateOnly date, _) => date.ToDateTime(TimeOnly.MinValue),
            (TimeOnly time, _) => time.ToTimeSpan(),
            // Rounded to 1/300 s and to a minute, later ones would be beyond the last.
            (DateTime moment, SqlType.DateTime) when moment < FirstDateTime || moment > LastDateTime => null,
            (DateTime moment, SqlType.SmallDateTime) when moment < FirstSmallDateTime || moment > LastSmallDateTime => null,
            (double number, _) when !double.IsFinite(number) => null,
            (float number, _) when !float.IsFinite(number) => null,
            (string text, SqlType.Udt) => Base64(text),
            _ => read,
        };
        return read is null || value is not null;
    }

    /// <summary>What values of a type must be, after "which expects".</summary>
    public static string RangeOf(SqlType? type) => type switch
    {
        SqlType.Money => "an amount from -922337203685477.5808 to 922337203685477.5807",
        SqlType.SmallMoney => "an amount from -214748.3648 to 214748.3647",
        SqlType.DateTime => "a date-time from 1753-01-01T00:00:00 to 9999-12-31T23:59:59.997",
        SqlType.SmallDateTime => "a date-time from 1900-01-01T00:00 to 2079-06-06T23:59",
        SqlType.Float or SqlType.Real => "a finite number",
        SqlType.Udt => "binary in base64",
        _ => "a decimal number of at most 38 digits",
    };

    static readonly DateTime FirstDateTime = new(1753, 1, 1);
    static readonly DateTime LastDateTime = new DateTime(9999, 12, 31, 23, 59, 59).AddMilliseconds(998.3);
    static readonly DateTime FirstSmallDateTime = new(1900, 1, 1);
    static readonly DateTime LastSmallDateTime = new(2079, 6, 6, 23, 59, 29, 998);

    public static SqlDbType TypeOf(SqlType type) => type switch
    {
        SqlType.String => SqlDbType.NVarChar,
        _ => Enum.Parse<SqlDbType>(type.ToString()),
    };

    static decimal? Money(string text, decimal least, decimal most) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;

    static byte[]? Base64(string text)
    {
        var bytes = new byte[(text.Length + 3) / 4 * 3];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }

    static SqlDecimal? Decimal(string text)
    {
        try
        {
            return text.AsSpan().IndexOfAny('e', 'E') < 0
                ? SqlDecimal.Parse(text.TrimStart('+'))
                : new SqlDecimal(decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is OverflowException or FormatException or SqlTypeException)
        {
            return null;
        }
    }

    static void SetSize(SqlParameter bound, CommandParameter parameter, object? value)
    {
        var perUnit = bound.SqlDbType is SqlDbType.NVarChar or SqlDbType.NChar or SqlDbType.NText ? 2 : 1;
        var longest = LongestInRow / perUnit;
        var length = value switch { string text => text.Length, byte[] bytes => bytes.Length, _ => 0 };
        if (bound.SqlDbType == SqlDbType.Decimal && parameter.Direction != ParameterDirection.Input)
        {
            // SQL Server's own default, (18,0), would cut what comes back.
            bound.Precision = parameter.Precision ?? 38;
            bound.Scale = parameter.Scale ?? (parameter.Precision is null ? (byte)10 : (byte)0);
        }
        else if (bound.SqlDbType is SqlDbType.NVarChar or SqlDbType.VarChar or SqlDbType.VarBinary)
        {
            // One size for all short inputs: one plan in the server's cache.
            bound.Size = parameter.Direction == ParameterDirection.Input
                ? length <= longest ? longest : -1
                : parameter.Size is > 0 and { } bytes && bytes / perUnit <= longest ? Math.Max(bytes / perUnit, length) : -1;
        }
        else if (bound.SqlDbType is SqlDbType.NChar or SqlDbType.Char or SqlDbType.Binary && parameter.Direction != ParameterDirection.Input)
            bound.Size = Math.Max(parameter.Size is > 0 and { } fixedBytes ? Math.Min(fixedBytes / perUnit, longest) : longest, length);
    }

    static System.Data.ParameterDirection DirectionOf(ParameterDirection direction) => direction switch
    {
        ParameterDirection.Output => System.Data.ParameterDirection.Output,
        ParameterDirection.InputOutput => System.Data.ParameterDirection.InputOutput,
        ParameterDirection.ReturnValue => System.Data.ParameterDirection.ReturnValue,
        _ => System.Data.ParameterDirection.Input,
    };
}
