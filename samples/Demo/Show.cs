using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Queries;
using Spectre.Console;

namespace Halo.Samples.Demo;

/// <summary>How things look: colours on a terminal, plain text in a pipe.</summary>
sealed class Show(IAnsiConsole console)
{
    /// <summary>Characters of a cell: a row stays one line.</summary>
    const int Longest = 24;

    public void Title(string text) => console.MarkupLine($"\n[bold cyan]{Markup.Escape(text)}[/]");

    public void Note(string text) => console.MarkupLine($"[grey]{Markup.Escape(text)}[/]");

    public void Fault(DemoException fault)
    {
        console.MarkupLine($"[bold red]{Markup.Escape(fault.Message)}[/]");
        foreach (var line in fault.LastLines)
            console.WriteLine("  " + line);
    }

    /// <summary>Does one step: a spinner while it lasts, a line with its time after.</summary>
    public async Task<T> StepAsync<T>(string what, Func<Action<string>, Task<T>> step, Func<T, string>? outcome = null)
    {
        var start = TimeProvider.System.GetTimestamp();
        var result = console.Profile.Capabilities.Interactive && console.Profile.Capabilities.Ansi
            ? await console.Status().Spinner(Spinner.Known.Dots).StartAsync(Markup.Escape(what),
                context => step(progress => context.Status(Markup.Escape($"{what}: {progress}"))))
            : await step(_ => { });
        console.MarkupLine($"[green]ok[/] {Markup.Escape(what + (outcome is null ? "" : ": " + outcome(result)))} [grey]({Ms(TimeProvider.System.GetElapsedTime(start))})[/]");
        return result;
    }

    /// <summary>The first rows as a table.</summary>
    public void Rows(IReadOnlyList<JsonElement> rows, long total, int shown)
    {
        if (rows.Count > 0)
            Table([.. rows[0].EnumerateObject().Select(p => p.Name)], [.. rows.Take(shown).Select(r => r.EnumerateObject().Select(p => TextOf(p.Value)).ToArray())]);
        if (total > shown)
            Note($"… and {(total - shown).ToString("N0", CultureInfo.InvariantCulture)} rows more");
    }

    /// <summary>Where the time went.</summary>
    public void Timings(TimeSpan whole, Query query)
    {
        var metrics = query.Metrics;
        string?[] parts =
        [
            $"whole call {Ms(whole)}",
            metrics?.QueueDuration is { } queue ? $"queue {Ms(queue)}" : null,
            metrics?.SqlExecutionDuration is { } sql ? $"database {Ms(sql)}" : null,
            metrics?.EncodeDuration is { } encode ? $"encoding {Ms(encode)}" : null,
            metrics?.UploadDuration is { } upload ? $"upload {Ms(upload)}" : null,
        ];
        console.MarkupLine("[yellow]" + Markup.Escape(string.Join(", ", parts.Where(p => p is not null))) + "[/]");
    }

    /// <summary>Lines to copy: never wrapped, never coloured.</summary>
    public void Lines(params IReadOnlyList<string> lines)
    {
        foreach (var line in lines)
            console.Profile.Out.Writer.WriteLine(line);
    }

    public static string Ms(TimeSpan time) => Ms(time.TotalMilliseconds);

    static string Ms(double ms) => ms >= 1000
        ? (ms / 1000).ToString("0.00", CultureInfo.InvariantCulture) + " s"
        : ms.ToString(ms >= 10 ? "0" : "0.0", CultureInfo.InvariantCulture) + " ms";

    void Table(string[] columns, string?[][] rows)
    {
        var natural = columns.Select((c, i) => rows.Select(r => TableFit.WidthOf(r[i] ?? "null")).Append(TableFit.WidthOf(c)).Max()).ToArray();
        var widths = TableFit.Fit(natural, Longest, console.Profile.Width);
        var table = new Table { Border = console.Profile.Capabilities.Ansi ? TableBorder.Rounded : TableBorder.Ascii2 };
        foreach (var (column, width) in columns.Zip(widths))
            table.AddColumn(new TableColumn(new Text(TableFit.Cut(column, width), new Style(decoration: Decoration.Bold))) { NoWrap = true, Width = width });
        foreach (var row in rows)
            table.AddRow(row.Zip(widths).Select(c => new Text(TableFit.Cut(c.First ?? "null", c.Second), c.First is null ? new Style(Color.Grey) : Style.Plain)));
        console.Write(table);
        if (widths.Count < columns.Length)
            Note($"(not shown for want of room: {string.Join(", ", columns[widths.Count..])})");
    }

    static string? TextOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Null ? null : string.Concat(value.ToString().ReplaceLineEndings("⏎").Select(c => char.IsControl(c) ? ' ' : c));
}
