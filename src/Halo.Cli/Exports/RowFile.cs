using Halo.Cli.Exports.ParquetFiles;
using Halo.Cli.Output;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Cli.Exports;

/// <summary>Rows on their way into a file of one format.</summary>
abstract class RowFile : IAsyncDisposable
{
    /// <param name="stream">Stays open.</param>
    /// <param name="asText">Names of columns that Parquet has as text, whatever their type.</param>
    public static async Task<RowFile> CreateAsync(ExportForm form, Stream stream, IReadOnlyList<ResultColumn> columns, IReadOnlySet<string> asText) => form switch
    {
        ExportForm.Csv => new TextRowFile(RowOutput.Of(OutputForm.Csv, stream), columns),
        ExportForm.Ndjson => new TextRowFile(RowOutput.Of(OutputForm.Ndjson, stream), columns),
        _ => await ParquetRowFile.CreateAsync(stream, columns, asText),
    };

    public abstract ValueTask AddAsync(Row row);

    /// <summary>All rows were there.</summary>
    public abstract Task CompleteAsync();

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    sealed class TextRowFile : RowFile
    {
        readonly RowOutput _output;

        public TextRowFile(RowOutput output, IReadOnlyList<ResultColumn> columns)
        {
            _output = output;
            output.Begin(columns);
        }

        public override ValueTask AddAsync(Row row)
        {
            _output.Row(row);
            return ValueTask.CompletedTask;
        }

        public override Task CompleteAsync() => _output.CompleteAsync();
    }
}
