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
        var table = new Table { Border = console.Profile.Capabilities.Ansi ? TableBorder.Rounded : TableBorder.Ascii2 };
        foreach (var column in rows.Count == 0 ? [] : rows[0].EnumerateObject().Select(p => p.Name))
            table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))) { NoWrap = true });
        foreach (var row in rows.Take(shown))
            table.AddRow(row.EnumerateObject().Select(p => Cell(p.Value)));
        console.Write(table);
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

    static Text Cell(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return new Text("null", new Style(Color.Grey)) { Overflow = Overflow.Ellipsis };
        var text = value.ToString().ReplaceLineEndings("⏎").Replace('\t', ' ');
        return new Text(text.Length > Longest ? text[..(char.IsHighSurrogate(text[Longest - 2]) ? Longest - 2 : Longest - 1)] + "…" : text) { Overflow = Overflow.Ellipsis };
    }
}
