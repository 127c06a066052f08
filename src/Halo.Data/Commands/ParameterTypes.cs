using System.Data;
using System.Globalization;
using System.Text.Json;
using Halo.Client;
using Halo.Client.Commands;
using Halo.Contracts.Queries;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data.Commands;

/// <summary>Parameters of ADO.NET as those of the contract.</summary>
static class ParameterTypes
{
    /// <param name="name">As the text has it, with its <c>@</c>.</param>
    /// <exception cref="ArgumentException">Its value cannot be one.</exception>
    public static CommandParameter ToContract(HaloDbParameter parameter, string name)
    {
        var type = parameter.SqlType ?? (parameter.GivenDbType is { } given ? SqlTypeOf(given) : null);
        var value = parameter.Direction is ParameterDirection.Output or ParameterDirection.ReturnValue ? null : Fitting(parameter.Value, type);
        var made = type == SqlType.Structured && value is JsonElement rows
            ? new CommandParameter(name) { Type = type, Value = rows }
            : ParameterValues.Of(name, type is not null || parameter.GivenDbType is not null ? new HaloParameter(value, type) : value);
        return made with
        {
            Direction = parameter.Direction switch
            {
                ParameterDirection.Output => Contracts.Queries.ParameterDirection.Output,
                ParameterDirection.InputOutput => Contracts.Queries.ParameterDirection.InputOutput,
                ParameterDirection.ReturnValue => Contracts.Queries.ParameterDirection.ReturnValue,
                _ => Contracts.Queries.ParameterDirection.Input,
            },
            TypeName = parameter.TypeName,
            Precision = parameter.Precision > 0 ? parameter.Precision : null,
            Scale = parameter.Precision > 0 ? parameter.Scale : null,
            Size = parameter.Direction == ParameterDirection.Input ? null : parameter.GivenSize,
        };
    }

    public static DbType DbTypeOf(object? value) => value switch
    {
        byte[] or ReadOnlyMemory<byte> => DbType.Binary,
        bool => DbType.Boolean,
        byte => DbType.Byte,
        sbyte => DbType.SByte,
        short => DbType.Int16,
        ushort => DbType.UInt16,
        int => DbType.Int32,
        uint => DbType.UInt32,
        long => DbType.Int64,
        ulong => DbType.UInt64,
        decimal or Int128 or System.Numerics.BigInteger => DbType.Decimal,
        double => DbType.Double,
        float => DbType.Single,
        Guid => DbType.Guid,
        DateTime => DbType.DateTime2,
        DateTimeOffset => DbType.DateTimeOffset,
        DateOnly => DbType.Date,
        TimeOnly or TimeSpan => DbType.Time,
        Enum member => DbTypeOf(Convert.ChangeType(member, Enum.GetUnderlyingType(member.GetType()), CultureInfo.InvariantCulture)),
        _ => DbType.String,
    };

    public static DbType DbTypeOf(SqlType type) => type switch
    {
        SqlType.BigInt => DbType.Int64,
        SqlType.Int => DbType.Int32,
        SqlType.SmallInt => DbType.Int16,
        SqlType.TinyInt => DbType.Byte,
        SqlType.Bit => DbType.Boolean,
        SqlType.Decimal => DbType.Decimal,
        SqlType.Money or SqlType.SmallMoney => DbType.Currency,
        SqlType.Float => DbType.Double,
        SqlType.Real => DbType.Single,
        SqlType.Date => DbType.Date,
        SqlType.DateTime or SqlType.SmallDateTime => DbType.DateTime,
        SqlType.DateTime2 => DbType.DateTime2,
        SqlType.DateTimeOffset => DbType.DateTimeOffset,
        SqlType.Time => DbType.Time,
        SqlType.UniqueIdentifier => DbType.Guid,
        SqlType.Binary or SqlType.VarBinary or SqlType.Image or SqlType.Timestamp => DbType.Binary,
        SqlType.Char => DbType.AnsiStringFixedLength,
        SqlType.NChar => DbType.StringFixedLength,
        SqlType.VarChar or SqlType.Text => DbType.AnsiString,
        SqlType.Xml => DbType.Xml,
        SqlType.Structured or SqlType.Udt or SqlType.Variant => DbType.Object,
        _ => DbType.String,
    };

    /// <summary>The contract's type; null: the database infers it.</summary>
    static SqlType? SqlTypeOf(DbType type) => type switch
    {
        DbType.AnsiString => SqlType.VarChar,
        DbType.AnsiStringFixedLength => SqlType.Char,
        DbType.String => SqlType.NVarChar,
        DbType.StringFixedLength => SqlType.NChar,
        DbType.Binary => SqlType.VarBinary,
        DbType.Boolean => SqlType.Bit,
        DbType.Byte => SqlType.TinyInt,
        DbType.SByte or DbType.Int16 => SqlType.SmallInt,
        DbType.UInt16 or DbType.Int32 => SqlType.Int,
        DbType.UInt32 or DbType.Int64 => SqlType.BigInt,
        DbType.UInt64 or DbType.Decimal or DbType.VarNumeric => SqlType.Decimal,
        DbType.Currency => SqlType.Money,
        DbType.Double => SqlType.Float,
        DbType.Single => SqlType.Real,
        DbType.Date => SqlType.Date,
        DbType.DateTime => SqlType.DateTime,
        DbType.DateTime2 => SqlType.DateTime2,
        DbType.DateTimeOffset => SqlType.DateTimeOffset,
        DbType.Time => SqlType.Time,
        DbType.Guid => SqlType.UniqueIdentifier,
        DbType.Xml => SqlType.Xml,
        _ => null,
    };

    /// <summary>A value of another .NET type that means the same: a date of a DateTime is its day, as other providers have it.</summary>
    static object? Fitting(object? value, SqlType? type) => (value, type) switch
    {
        (DateTime moment, SqlType.Date) => DateOnly.FromDateTime(moment),
        (DateTime moment, SqlType.Time) => moment.TimeOfDay,
        (string text, SqlType.Structured) => JsonElement.Parse(text),
        (char[] characters, _) => new string(characters),
        _ => value,
    };
}
