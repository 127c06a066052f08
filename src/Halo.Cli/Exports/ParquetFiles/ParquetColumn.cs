using System.Runtime.InteropServices;
using Halo.Client;
using Halo.Client.Rows;
using Parquet;
using Parquet.Schema;

namespace Halo.Cli.Exports.ParquetFiles;

/// <summary>The values of one column of a row group. Every column may hold NULL: databases do not always say whether it can occur.</summary>
abstract class ParquetColumn(DataField dataField, string declaredType, string holds)
{
    public DataField Field => dataField;

    /// <summary>The database's own name of the type, for messages.</summary>
    public string DeclaredType => declaredType.Length > 0 ? declaredType : "(none)";

    /// <summary>What it holds, for messages.</summary>
    public string Holds => holds;

    /// <returns>False: it would not be the same value in Parquet.</returns>
    public bool TryAdd(Row row, int column)
    {
        try
        {
            return TryTake(row, column);
        }
        catch (HaloMappingException)
        {
            return false;
        }
    }

    /// <summary>Writes what was added, and begins again.</summary>
    public async Task WriteAsync(ParquetRowGroupWriter group)
    {
        await WriteValuesAsync(group);
        Clear();
    }

    /// <summary>Begins again.</summary>
    public abstract void Clear();

    protected abstract Task WriteValuesAsync(ParquetRowGroupWriter group);

    protected abstract bool TryTake(Row row, int column);
}

/// <param name="read">Gives a value that is not NULL; null, or a <see cref="HaloMappingException"/>: it does not fit.</param>
sealed class ParquetValues<T>(DataField field, string declaredType, string holds, Func<Row, int, T?> read) : ParquetColumn(field, declaredType, holds) where T : struct
{
    readonly List<T?> _values = [];

    public override void Clear() => _values.Clear();

    protected override Task WriteValuesAsync(ParquetRowGroupWriter group) => group.WriteAsync<T>(Field, _values.ToArray());

    protected override bool TryTake(Row row, int column)
    {
        var value = row.IsNull(column) ? null : read(row, column);
        _values.Add(value);
        return value is not null || row.IsNull(column);
    }
}

/// <summary>Any value as text: numbers with the digits that they came with.</summary>
sealed class ParquetTexts(string name, string declaredType) : ParquetColumn(new DataField<string>(name, nullable: true), declaredType, "text")
{
    readonly List<string?> _values = [];

    public override void Clear() => _values.Clear();

    protected override Task WriteValuesAsync(ParquetRowGroupWriter group) => group.WriteAsync(Field, _values!);

    protected override bool TryTake(Row row, int column)
    {
        _values.Add(row.Text(column));
        return true;
    }
}

sealed class ParquetBinary(string name, string declaredType) : ParquetColumn(new DataField<byte[]>(name, nullable: true), declaredType, "binary")
{
    readonly List<byte[]?> _values = [];

    public override void Clear() => _values.Clear();

    protected override Task WriteValuesAsync(ParquetRowGroupWriter group) => group.WriteAsync(Field, _values!);

    protected override bool TryTake(Row row, int column)
    {
        _values.Add(row.IsNull(column) ? null : RowValues.Binary(row, column));
        return true;
    }
}
