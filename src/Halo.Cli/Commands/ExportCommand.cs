using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Cli.Output;
using Halo.Client;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>Takes a result of any size into a file, by an async query whose pages are compared with their digests.</summary>
static class ExportCommand
{
    static readonly CommandOptions Sql = new();
    static readonly Option<ExportForm> Form = new("--format") { Description = "How rows are written", DefaultValueFactory = _ => ExportForm.Csv };
    static readonly Option<string?> Out = new("--out", "-o") { Description = "The file, which is replaced once all is there; default: standard output", HelpName = "FILE" };
    static readonly Option<Guid?> Resumed = new("--query") { Description = "Take the rows of a query that was exported before: for 24 hours after its end", HelpName = "ID" };

    enum ExportForm
    {
        Csv,
        Ndjson,
    }

    public static Command Make() => Sql.On(new Command("export",
        "Take all rows into a file. Interrupted, it says how to go on without asking the practice again. Example: halo export \"SELECT * FROM appointments\" --format csv --out appointments.csv")
    {
        Form, Out, Resumed,
    }).Does(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        using var client = Connection.Client(parsed);
        var site = await Connection.SiteAsync(parsed, client, stop);
        HaloQuery query;
        if (parsed.GetValue(Resumed) is { } id)
            query = Sql.HasText(parsed) ? throw new UsageException("Give the SQL or --query, not both.") : site.Resume(id);
        else
        {
            query = await site.QueueAsync(await Sql.ReadAsync(parsed, stop), ExecutionMode.Reader, Sql.OptionsOf(parsed), stop);
            Console.Error.WriteLine($"Queued as {query.Id}. Interrupted, go on: halo export --query {query.Id}");
        }
        var ended = await query.WaitAsync(stop);
        if (ended.Result?.Rows is not { } rows)
            throw new UsageException("The query has no rows to export.");
        if (parsed.GetValue(Out) is { } file)
            await WriteFileAsync(file, output => WriteAsync(query, ended, output, parsed.GetValue(Form), stop));
        else
            await WriteAsync(query, ended, Console.OpenStandardOutput(), parsed.GetValue(Form), stop);
        Notices.Show(ended);
        Console.Error.WriteLine($"{rows} rows.");
    }

    /// <summary>Under another name until it is whole and on the disk.</summary>
    static async Task WriteFileAsync(string path, Func<Stream, Task> write)
    {
        // One of its own, which nobody else may read: it has what patients told their doctor.
        var partial = $"{path}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}.partial";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            await using (var file = new FileStream(partial, options))
            {
                await write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    static async Task WriteAsync(HaloQuery query, Query ended, Stream stream, ExportForm form, CancellationToken stop)
    {
        var output = RowOutput.Of(form == ExportForm.Csv ? OutputForm.Csv : OutputForm.Ndjson, stream);
        output.Begin(ended.Result!.Columns ?? []);
        var progress = new Progress(ended.Result.Rows ?? 0);
        await foreach (var row in query.ReadAsync<JsonElement>(stop))
        {
            output.Row(row);
            progress.Step();
        }
        await output.CompleteAsync();
        progress.End();
    }
}
