using Halo.Client.Rows;
using Halo.Contracts.Queries;
using Parquet;
using Parquet.Schema;

namespace Halo.Cli.Exports.ParquetFiles;

/// <summary>Rows as Parquet. A row group is held until it is full; where it ends depends on the rows alone, so that the same rows are the same file.</summary>
sealed class ParquetRowFile : RowFile
{
    /// <summary>Of a row group: its rows as JSON, and their number.</summary>
    const long MostBytes = 32 * 1024 * 1024, MostRows = 500_000;

    readonly ParquetWriter _writer;
    readonly ParquetColumn[] _columns;
    long _rows, _groupRows, _groupBytes;

    ParquetRowFile(ParquetWriter writer, ParquetColumn[] columns) => (_writer, _columns) = (writer, columns);

    public static async Task<ParquetRowFile> CreateAsync(Stream stream, IReadOnlyList<ResultColumn> columns, IReadOnlySet<string> asText)
    {
        if (columns.Count == 0)
            throw new LocalFileException("The rows have no columns, which Parquet cannot hold. Choose --format ndjson.");
        var made = columns.Select(c => ParquetTypes.Of(c, asText.Contains(c.Name))).ToArray();
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy };
        return new(await ParquetWriter.CreateAsync(new ParquetSchema(made.Select(c => (Field)c.Field)), stream, options), made);
    }

    public override async ValueTask AddAsync(Row row)
    {
        _rows++;
        for (var i = 0; i < _columns.Length; i++)
        {
            if (!_columns[i].TryAdd(row, i))
            {
                throw new LocalFileException(
                    $"Column {_columns[i].Field.Name}, row {_rows}: the value is not {_columns[i].Holds}, as Parquet has it for the declared type {_columns[i].DeclaredType}. Write the column as text, --text {_columns[i].Field.Name}, or choose another --format.");
            }
        }
        _groupRows++;
        _groupBytes += row.Json.Length;
        if (_groupBytes >= MostBytes || _groupRows >= MostRows)
            await WriteGroupAsync();
    }

    public override async Task CompleteAsync()
    {
        if (_groupRows > 0)
            await WriteGroupAsync();
        await _writer.DisposeAsync();
    }

    async Task WriteGroupAsync()
    {
        using var group = _writer.CreateRowGroup();
        foreach (var column in _columns)
            await column.WriteAsync(group);
        group.CompleteValidate();
        (_groupRows, _groupBytes) = (0, 0);
    }
}
