using Halo.Cli.Exports.ParquetFiles;
using Halo.Cli.Output;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Cli.Exports;

/// <summary>Rows on their way into a file of one format.</summary>
abstract class RowFile : IAsyncDisposable
{
    /// <param name="stream">Stays open.</param>
    /// <param name="request">Which columns Parquet has as text, and whether CSV escapes formulas.</param>
    public static async Task<RowFile> CreateAsync(ExportForm form, Stream stream, IReadOnlyList<ResultColumn> columns, ExportRequest request) => form switch
    {
        ExportForm.Csv => new TextRowFile(new CsvOutput(stream, request.EscapesFormulas), columns),
        ExportForm.Ndjson => new TextRowFile(RowOutput.Of(OutputForm.Ndjson, stream), columns),
        _ => await ParquetRowFile.CreateAsync(stream, columns, request.AsText),
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
