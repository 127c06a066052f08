using System.Data;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Parameters;
using Microsoft.Data.SqlClient;
using Microsoft.Data.SqlClient.Server;

namespace Halo.Link.Engines.SqlServer.Values;

/// <summary>A table-valued parameter from an array of row objects: the type's own columns say what each value must be.</summary>
static class TableValues
{
    const string ColumnsOfType = """
        SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_identity
        FROM sys.table_types AS tt
        JOIN sys.columns AS c ON c.object_id = tt.type_table_object_id
        JOIN sys.types AS t ON t.user_type_id = c.system_type_id
        WHERE tt.user_type_id = TYPE_ID(@type)
        ORDER BY c.column_id
        """;

    sealed record Column(string Name, SqlType Type, SqlMetaData Meta);

    public static SqlParameter? Bind(CommandParameter parameter, SqlConnection connection, ICollection<FieldError> faults)
    {
        if (string.IsNullOrEmpty(parameter.TypeName))
            faults.Add(parameter, "type Structured needs typeName.");
        else if (parameter.Direction != Contracts.Queries.ParameterDirection.Input)
            faults.Add(parameter, "a table can only be an input.");
        else if (parameter.Value is { ValueKind: not (JsonValueKind.Array or JsonValueKind.Null) })
            faults.NotConvertible(parameter, "an array of row objects");
        else if (ReadColumns(connection, parameter.TypeName) is not { Count: > 0 } columns)
            faults.Add(parameter, $"the database has no table type {parameter.TypeName}.");
        else
        {
            var before = faults.Count;
            var records = ReadRows(parameter, columns, faults);
            // An empty table is told by null: the driver refuses an empty list.
            return faults.Count > before ? null : new SqlParameter
            {
                ParameterName = "@" + parameter.Name.TrimStart('@'),
                SqlDbType = SqlDbType.Structured,
                TypeName = parameter.TypeName,
                Value = records.Count == 0 ? null : records,
            };
        }
        return null;
    }

    static List<Column> ReadColumns(SqlConnection connection, string typeName)
    {
        using var command = new SqlCommand(ColumnsOfType, connection) { CommandTimeout = 15 };
        command.Parameters.Add(new("@type", SqlDbType.NVarChar, 400) { Value = typeName });
        using var reader = command.ExecuteReader();
        var columns = new List<Column>();
        while (reader.Read())
        {
            var type = SqlServerColumns.TypeOf(reader.GetString(1)) ?? SqlType.NVarChar;
            columns.Add(new(reader.GetString(0), type, Meta(reader, type)));
        }
        return columns;
    }

    static SqlMetaData Meta(SqlDataReader reader, SqlType type)
    {
        var (name, bytes, isIdentity) = (reader.GetString(0), reader.GetInt16(2), reader.GetBoolean(5));
        var dbType = SqlServerParameters.TypeOf(type);
        return type switch
        {
            SqlType.Decimal => new(name, dbType, reader.GetByte(3), reader.GetByte(4), isIdentity, false, SortOrder.Unspecified, -1),
            SqlType.NChar or SqlType.NVarChar => new(name, dbType, bytes < 0 ? SqlMetaData.Max : bytes / 2),
            SqlType.Char or SqlType.VarChar or SqlType.Binary or SqlType.VarBinary => new(name, dbType, bytes < 0 ? SqlMetaData.Max : bytes),
            SqlType.Time or SqlType.DateTime2 or SqlType.DateTimeOffset => new(name, dbType, 0, reader.GetByte(4)),
            _ => new(name, dbType, isIdentity, false, SortOrder.Unspecified, -1),
        };
    }

    static List<SqlDataRecord> ReadRows(CommandParameter parameter, List<Column> columns, ICollection<FieldError> faults)
    {
        var records = new List<SqlDataRecord>();
        if (parameter.Value is not { ValueKind: JsonValueKind.Array } array)
            return records;
        var metas = columns.Select(c => c.Meta).ToArray();
        foreach (var row in array.EnumerateArray())
        {
            if (row.ValueKind != JsonValueKind.Object)
            {
                faults.Add(parameter, $"row {records.Count} is not an object.");
                continue;
            }
            var record = new SqlDataRecord(metas);
            var known = 0;
            for (var i = 0; i < columns.Count; i++)
            {
                if (!row.TryGetProperty(columns[i].Name, out var json))
                    continue;
                known++;
                if (!ParameterValue.TryRead(json, columns[i].Type, out var read, out var expected))
                    faults.Add(parameter, $"row {records.Count}, column {columns[i].Name}: type {columns[i].Type} expects {expected}.");
                else if (!SqlServerParameters.TryConvert(read, columns[i].Type, out var value))
                    faults.Add(parameter, $"row {records.Count}, column {columns[i].Name}: type {columns[i].Type} expects {SqlServerParameters.RangeOf(columns[i].Type)}.");
                else if (value is not null)
                    record.SetValue(i, value);
            }
            if (known < row.EnumerateObject().Count())
                faults.Add(parameter, $"row {records.Count} has a column that the type {parameter.TypeName} has not.");
            records.Add(record);
        }
        return records;
    }
}
