using System.CommandLine;
using System.Text.Json;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Cli.Output;

/// <summary>The forms of <c>--output</c>.</summary>
enum OutputForm
{
    Table,
    Json,
    Csv,
    Ndjson,
    Markdown,
}

/// <summary>Writes rows in one form: columns, then each row, then what ends it.</summary>
abstract class RowOutput(Stream stream)
{
    protected Stream Stream { get; } = new BufferedStream(stream, 64 * 1024);

    protected IReadOnlyList<ResultColumn> Columns { get; private set; } = [];

    public static Option<OutputForm> Option() => new("--output") { Description = "How rows are written", DefaultValueFactory = _ => OutputForm.Table };

    public static RowOutput Of(OutputForm form, Stream stream) => form switch
    {
        OutputForm.Json => new JsonOutput(stream, lines: false),
        OutputForm.Ndjson => new JsonOutput(stream, lines: true),
        OutputForm.Csv => new CsvOutput(stream),
        OutputForm.Markdown => new TableOutput(stream, isMarkdown: true),
        _ => new TableOutput(stream, isMarkdown: false, Console.IsOutputRedirected ? null : Console.BufferWidth),
    };

    public virtual void Begin(IReadOnlyList<ResultColumn> columns) => Columns = columns;

    /// <summary>A row as it came.</summary>
    public virtual void Row(JsonElement row) => Row([.. row.EnumerateObject().Select(p => TextOf(p.Value))], [.. row.EnumerateObject().Select(p => p.Value.ValueKind == JsonValueKind.String)]);

    /// <summary>A row in the buffer in which it came.</summary>
    public virtual void Row(Row row) => Row(row.Element());

    /// <summary>A row of texts.</summary>
    public void Row(string?[] values) => Row(values, new bool[values.Length]);

    /// <summary>All rows were there: ends the form, so that one that broke off is not taken for whole. The stream stays open.</summary>
    public Task CompleteAsync()
    {
        End();
        return Stream.FlushAsync();
    }

    /// <param name="isText">By column: whether it was a string, and not a number or a truth value.</param>
    protected abstract void Row(string?[] values, bool[] isText);

    protected virtual void End()
    {
    }

    static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        _ => value.GetRawText(),
    };
}
