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

    /// <summary>By column the first row whose value did not fit.</summary>
    readonly Dictionary<int, long> _misfits = [];

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
                _misfits.TryAdd(i, _rows);
        }
        _groupRows++;
        _groupBytes += row.Json.Length;
        if (_groupBytes >= MostBytes || _groupRows >= MostRows)
            await EndGroupAsync();
    }

    /// <exception cref="LocalFileException">Values did not fit. All columns with such values are named at once, so that one more run is enough.</exception>
    public override async Task CompleteAsync()
    {
        if (_groupRows > 0)
            await EndGroupAsync();
        if (_misfits.Count > 0)
            throw new LocalFileException($"Parquet cannot hold these values under the declared types. {string.Join(" ", _misfits.OrderBy(m => m.Key).Select(Words))} Write the columns as text, {string.Join(' ', _misfits.Keys.Order().Select(i => $"--text {Argument(_columns[i].Field.Name)}"))}, or choose another --format.");
        await _writer.DisposeAsync();
    }

    async Task EndGroupAsync()
    {
        // After a value that does not fit the rest is only looked at.
        if (_misfits.Count > 0)
        {
            foreach (var column in _columns)
                column.Clear();
        }
        else
        {
            using var group = _writer.CreateRowGroup();
            foreach (var column in _columns)
                await column.WriteAsync(group);
            group.CompleteValidate();
        }
        (_groupRows, _groupBytes) = (0, 0);
    }

    string Words(KeyValuePair<int, long> misfit) =>
        $"Column {_columns[misfit.Key].Field.Name} ({_columns[misfit.Key].DeclaredType}), row {misfit.Value}: not {_columns[misfit.Key].Holds}.";

    /// <summary>As a shell takes it for one word.</summary>
    static string Argument(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.') ? name : $"'{name.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
