using System.Globalization;
using Halo.Contracts.Queries;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>A column's type by the row description that came with the result: no further question to the server.</summary>
static class PostgresColumns
{
    public static ResultColumn Describe(NpgsqlDataReader reader, int ordinal, string name, PostgresTypes types)
    {
        var databaseType = types.NameOf(reader, ordinal);
        var type = TypeOf(reader.GetDataTypeOID(ordinal));
        var (first, second) = Facets(databaseType);
        return new(name, type, databaseType)
        {
            Size = type is SqlType.NChar or SqlType.NVarChar ? first : null,
            Precision = type is SqlType.Decimal ? first : null,
            Scale = type is SqlType.Decimal ? first is null ? null : second ?? 0 : null,
        };
    }

    /// <summary>By the fixed ids of <c>pg_type</c>; a domain comes as its base type.</summary>
    public static SqlType? TypeOf(uint oid) => oid switch
    {
        16 => SqlType.Bit,
        17 => SqlType.VarBinary,
        20 or 26 => SqlType.BigInt,
        21 => SqlType.SmallInt,
        23 => SqlType.Int,
        25 => SqlType.NText,
        18 or 1042 => SqlType.NChar,
        19 or 1043 => SqlType.NVarChar,
        142 => SqlType.Xml,
        700 => SqlType.Real,
        701 => SqlType.Float,
        1082 => SqlType.Date,
        1083 => SqlType.Time,
        1114 => SqlType.DateTime2,
        1184 => SqlType.DateTimeOffset,
        1700 => SqlType.Decimal,
        2950 => SqlType.UniqueIdentifier,
        _ => null,
    };

    /// <summary>The numbers of <c>numeric(10,2)</c> or <c>character varying(20)</c>.</summary>
    static (int? First, int? Second) Facets(string databaseType)
    {
        var start = databaseType.IndexOf('(', StringComparison.Ordinal);
        var end = databaseType.IndexOf(')', StringComparison.Ordinal);
        if (start < 0 || end < start)
            return default;
        var parts = databaseType[(start + 1)..end].Split(',', StringSplitOptions.TrimEntries);
        return (Number(parts[0]), parts.Length > 1 ? Number(parts[1]) : null);
    }

    static int? Number(string text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;
}
