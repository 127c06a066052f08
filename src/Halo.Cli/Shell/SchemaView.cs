using Halo.Cli.Exports;
using Halo.Cli.Output;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Cli.Shell;

/// <summary>What <c>\d</c> shows.</summary>
static class SchemaView
{
    public static async Task ListAsync(DatabaseSchema schema, Stream output)
    {
        await WriteAsync(output, ["table", "kind", "columns", "comment"], schema.Tables.Select(t => (string?[])
            [TableSelection.NameOf(t), t.Kind == SchemaTableKind.View ? "view" : "table", $"{t.Columns.Count}", t.Comment]));
    }

    public static async Task ShowAsync(SchemaTable table, Stream output)
    {
        await WriteAsync(output, ["column", "type", "null", "default", "comment"], table.Columns.Select(c => (string?[])
            [c.Name, c.DatabaseType, c.Nullable ? "" : "not null", c.Default, c.Comment]));
        await using var writer = new StreamWriter(output, leaveOpen: true);
        foreach (var line in Keys(table))
            await writer.WriteAsync(Printable.Of(line) + "\n");
    }

    static IEnumerable<string> Keys(SchemaTable table)
    {
        if (table.PrimaryKey is { } primary)
            yield return $"primary key ({List(primary.Columns)})";
        foreach (var unique in table.UniqueKeys ?? [])
            yield return $"unique ({List(unique.Columns)})";
        foreach (var foreign in table.ForeignKeys ?? [])
        {
            var name = foreign.ReferencedSchema is null ? foreign.ReferencedTable : $"{foreign.ReferencedSchema}.{foreign.ReferencedTable}";
            yield return $"foreign key ({List(foreign.Columns)}) references {name}{(foreign.ReferencedColumns is { } columns ? $" ({List(columns)})" : "")}";
        }
        foreach (var index in table.Indexes ?? [])
            yield return $"{(index.Unique ? "unique " : "")}index {index.Name} ({List(index.Columns)})";
    }

    static string List(IEnumerable<string> names) => string.Join(", ", names);

    static async Task WriteAsync(Stream output, string[] columns, IEnumerable<string?[]> rows)
    {
        var table = new TableOutput(output, isMarkdown: false);
        table.Begin([.. columns.Select(c => new ResultColumn(c, null, ""))]);
        foreach (var row in rows)
            table.Words([.. row.Select(v => v ?? "")]);
        await table.CompleteAsync();
    }
}
