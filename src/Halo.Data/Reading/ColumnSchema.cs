using System.Collections.ObjectModel;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Halo.Data.Reading;

/// <summary>One column as ADO.NET describes it. Keys and tables of origin are not known: a result says its columns alone.</summary>
sealed class HaloDbColumn : DbColumn
{
    public HaloDbColumn(Field field, int ordinal)
    {
        var column = field.Column;
        ColumnName = column.Name;
        ColumnOrdinal = ordinal;
        DataType = field.Type;
        DataTypeName = column.DatabaseType;
        AllowDBNull = column.Nullable;
        ColumnSize = column.Size;
        NumericPrecision = column.Precision;
        NumericScale = column.Scale;
        IsLong = column.Size is null or -1 && (field.Type == typeof(string) || field.Type == typeof(byte[]));
        IsReadOnly = true;
    }
}

/// <summary>The columns of a result as a list and as ADO.NET's older table.</summary>
static class ColumnSchema
{
    public static ReadOnlyCollection<DbColumn> ListOf(IReadOnlyList<Field> fields) => fields.Select((f, i) => (DbColumn)new HaloDbColumn(f, i)).ToList().AsReadOnly();

    [UnconditionalSuppressMessage("Trimming", "IL2111", Justification = "Type is kept by the framework itself.")]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The types of the table's own columns are primitive, or Type and string.")]
    public static DataTable TableOf(IReadOnlyList<Field> fields)
    {
        var table = new DataTable("SchemaTable") { Locale = System.Globalization.CultureInfo.InvariantCulture };
        Add<string>(SchemaTableColumn.ColumnName);
        Add<int>(SchemaTableColumn.ColumnOrdinal);
        Add<int>(SchemaTableColumn.ColumnSize);
        Add<short>(SchemaTableColumn.NumericPrecision);
        Add<short>(SchemaTableColumn.NumericScale);
        Add<bool>(SchemaTableColumn.IsUnique);
        Add<bool>(SchemaTableColumn.IsKey);
        Add<string>(SchemaTableColumn.BaseColumnName);
        Add<string>(SchemaTableColumn.BaseSchemaName);
        Add<string>(SchemaTableColumn.BaseTableName);
        AddType(SchemaTableColumn.DataType);
        Add<bool>(SchemaTableColumn.AllowDBNull);
        Add<int>(SchemaTableColumn.ProviderType);
        Add<bool>(SchemaTableColumn.IsAliased);
        Add<bool>(SchemaTableColumn.IsExpression);
        Add<bool>(SchemaTableOptionalColumn.IsAutoIncrement);
        Add<bool>(SchemaTableOptionalColumn.IsRowVersion);
        Add<bool>(SchemaTableOptionalColumn.IsHidden);
        Add<bool>(SchemaTableColumn.IsLong);
        Add<bool>(SchemaTableOptionalColumn.IsReadOnly);
        Add<string>("DataTypeName");
        foreach (var column in ListOf(fields))
        {
            var row = table.NewRow();
            row[SchemaTableColumn.ColumnName] = column.ColumnName;
            row[SchemaTableColumn.ColumnOrdinal] = column.ColumnOrdinal!;
            // A table that is filled takes this for a limit; SQLite's texts are longer than declared.
            row[SchemaTableColumn.ColumnSize] = -1;
            row[SchemaTableColumn.NumericPrecision] = (object?)(short?)column.NumericPrecision ?? DBNull.Value;
            row[SchemaTableColumn.NumericScale] = (object?)(short?)column.NumericScale ?? DBNull.Value;
            row[SchemaTableColumn.DataType] = column.DataType!;
            row[SchemaTableColumn.AllowDBNull] = column.AllowDBNull ?? true;
            row[SchemaTableColumn.ProviderType] = (int)(fields[column.ColumnOrdinal!.Value].Column.Type ?? Contracts.Queries.SqlType.NVarChar);
            row[SchemaTableColumn.IsLong] = column.IsLong!;
            row[SchemaTableOptionalColumn.IsReadOnly] = true;
            row["DataTypeName"] = column.DataTypeName;
            foreach (var never in new[] { SchemaTableColumn.IsUnique, SchemaTableColumn.IsKey, SchemaTableColumn.IsAliased, SchemaTableColumn.IsExpression, SchemaTableOptionalColumn.IsAutoIncrement, SchemaTableOptionalColumn.IsRowVersion, SchemaTableOptionalColumn.IsHidden })
                row[never] = false;
            table.Rows.Add(row);
        }
        return table;

        void AddType(string name) => table.Columns.Add(name, typeof(Type));

        void Add<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.PublicProperties)] T>(string name) => table.Columns.Add(name, typeof(T));
    }
}
