using System.CommandLine;
using System.Text.Json;
using Halo.Cli.Exports;
using Halo.Cli.Output;
using Halo.Client;
using Halo.Client.Pages;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>Takes all rows of a query or table into files, by async queries whose pages are compared with their digests.</summary>
static class ExportCommand
{
    /// <summary>For what is asked ahead: longer it does not hold up the file that is to be written.</summary>
    static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(10);

    static readonly CommandOptions Sql = new();
    static readonly Option<string[]> Table = new("--table") { Description = "A table or view, as patients or public.patients; may be repeated", HelpName = "NAME" };
    static readonly Option<bool> AllTables = new("--all-tables") { Description = "Every table that you may see, each into a file of its own" };
    static readonly Option<string[]> Except = new("--except") { Description = "Of all tables leave this one out; may be repeated", HelpName = "NAME" };
    static readonly Option<ExportForm> Form = new("--format") { Description = "How rows are written", DefaultValueFactory = _ => ExportForm.Csv };
    static readonly Option<string?> Out = new("--out", "-o") { Description = "The file, which has its name once all is there; of tables a directory. Default, of SQL: standard output", HelpName = "FILE|DIR" };
    static readonly Option<string[]> AsText = new("--text") { Description = "A column that Parquet is to hold as text, whatever its type; may be repeated", HelpName = "COLUMN" };
    static readonly Option<CsvFormulas> Formulas = new("--csv-formulas") { Description = "escape: CSV that is for a spreadsheet has texts which it would take for formulas behind an apostrophe", DefaultValueFactory = _ => CsvFormulas.Keep };
    static readonly Option<bool> Force = new("--force") { Description = "Replace existing files" };
    static readonly Option<bool> Restart = new("--restart") { Description = "Throw away what an interrupted export fetched, and begin again" };
    static readonly Option<bool> Json = new("--json") { Description = "Write a summary as JSON to standard output" };
    static readonly Option<Guid?> Resumed = new("--query") { Description = "Take the rows of a query that was exported before: for 24 hours after its end", HelpName = "ID" };

    public static Command Create() => Sql.On(new Command("export",
        "Take all rows into files. Interrupted, the same command goes on where it stopped. Examples: halo export --all-tables --format parquet --out clinic; halo export --table patients --out patients.csv; halo export \"SELECT * FROM appointments\" --out appointments.csv")
    {
        Table, AllTables, Except, Form, Out, AsText, Formulas, Force, Restart, Json, Resumed,
    }).WithAction(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        var isTables = Check(parsed);
        using var client = Connection.Client(parsed);
        var command = isTables || parsed.GetValue(Resumed) is not null ? null : await Sql.ReadAsync(parsed, stop);
        var site = await Connection.SiteAsync(parsed, client, stop);
        if (parsed.GetValue(Out) is { } path)
            await WriteFilesAsync(parsed, site, Request(parsed, path, isTables, command), stop);
        else
            await WriteOutputAsync(parsed, site, command, stop);
    }

    /// <returns>Whether it is about tables.</returns>
    static bool Check(ParseResult parsed)
    {
        var tables = parsed.GetValue(Table) ?? [];
        var isAll = parsed.GetValue(AllTables);
        var asked = (Sql.HasText(parsed) ? 1 : 0) + (tables.Length > 0 ? 1 : 0) + (isAll ? 1 : 0) + (parsed.GetValue(Resumed) is not null ? 1 : 0);
        if (asked > 1)
            throw new UsageException("Give only one of SQL, --table, --all-tables and --query.");
        if (!isAll && parsed.GetValue(Except) is { Length: > 0 })
            throw new UsageException("--except requires --all-tables.");
        var isTables = isAll || tables.Length > 0;
        if (isTables && Sql.HasParametersOrKey(parsed))
            throw new UsageException("--parameter and --idempotency-key require SQL; they do not go with tables.");
        if (parsed.GetValue(Resumed) is not null && (Sql.HasParametersOrKey(parsed) || Sql.HasTimeout(parsed)))
            throw new UsageException("--query takes rows of a query that ran before: --parameter, --timeout and --idempotency-key do not go with it.");
        if (parsed.GetValue(AsText) is { Length: > 0 } && parsed.GetValue(Form) is not ExportForm.Parquet)
            throw new UsageException("--text requires --format parquet: the other formats have no types.");
        if (parsed.GetValue(Formulas) is CsvFormulas.Escape && parsed.GetValue(Form) is not ExportForm.Csv)
            throw new UsageException("--csv-formulas requires --format csv.");
        if (parsed.GetValue(Out) is not null)
            return isTables;
        if (isTables)
            throw new UsageException("Tables are written into files: give --out DIR, or --out FILE for one table.");
        if (parsed.GetValue(Form) is ExportForm.Parquet)
            throw new UsageException("Parquet is written into a file: give --out FILE.");
        return !parsed.GetValue(Json) ? false : throw new UsageException("Rows and summary cannot both go to standard output: give --out FILE.");
    }

    static ExportRequest Request(ParseResult parsed, string path, bool isTables, HaloCommand? command)
    {
        var tables = parsed.GetValue(Table) ?? [];
        var isDirectory = Directory.Exists(path) || Path.EndsInDirectorySeparator(path);
        if (!isTables && isDirectory)
            throw new UsageException($"{path} is a directory: name the file in it.");
        var isOne = !isTables || tables.Length == 1 && !isDirectory;
        if (!isOne && File.Exists(path))
            throw new UsageException($"{path} is a file; each table has its own in a directory.");
        var full = Path.GetFullPath(path);
        return new(parsed.GetValue(Form), isOne ? Path.GetDirectoryName(full)! : full, isOne ? Path.GetFileName(full) : null)
        {
            Command = command,
            Query = parsed.GetValue(Resumed),
            Tables = tables,
            AllTables = parsed.GetValue(AllTables),
            Except = parsed.GetValue(Except) ?? [],
            AsText = (parsed.GetValue(AsText) ?? []).ToHashSet(StringComparer.Ordinal),
            Options = Sql.OptionsOf(parsed),
            EscapesFormulas = parsed.GetValue(Formulas) is CsvFormulas.Escape,
            Force = parsed.GetValue(Force),
            Restart = parsed.GetValue(Restart),
        };
    }

    static async Task WriteFilesAsync(ParseResult parsed, HaloSite site, ExportRequest request, CancellationToken stop)
    {
        var isBegun = false;
        try
        {
            Directory.CreateDirectory(request.Directory);
            using var workspace = ExportWorkspace.Open(request.WorkDirectory, request.Digest(site.Calls.Calls.Options.Address!, site.Id), request.Restart);
            isBegun = true;
            var options = site.Calls.Calls.Options;
            using var once = new HaloClient(new HaloClientOptions
            {
                Address = options.Address,
                Key = options.Key,
                TimeProvider = options.TimeProvider,
                RetryTimeout = TimeSpan.Zero,
                AnswerTimeout = MaxSilence,
            });
            var runner = new ExportRunner(site, once.Sites.At(site.Id), request, workspace);
            var summary = await SummaryAsync(runner, parsed.GetValue(Json), stop);
            if (parsed.GetValue(Json))
                Console.Out.WriteLine(JsonSerializer.Serialize(summary, ExportJson.Default.ExportSummary));
            else if (summary.Files.Count > 1)
                Console.Error.WriteLine($"{Progress.Number(summary.Files.Count - runner.Failed)} files, {Progress.Number(summary.Rows)} rows, {Progress.Size(summary.Bytes)}.");
            if (runner.Failed > 0)
                throw new ExportIncompleteException($"{runner.Failed} of {summary.Files.Count} tables could not be exported. The same command tries them again; --except leaves one out.", runner.ExitCode);
        }
        // The client's own faults have their own exceptions: this is the disk.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LocalFileException($"{e.Message.TrimEnd('.')}. {(isBegun ? $"What was fetched is kept in {request.WorkDirectory}: put it right, and the same command goes on." : "Choose another --out.")}", e);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && isBegun)
        {
            Console.Error.WriteLine("The same command goes on where it stopped.");
            // Its keys are in the state; nothing was asked to be stopped at the practice.
            throw new OperationCanceledException(stop);
        }
    }

    static async Task<ExportSummary> SummaryAsync(ExportRunner runner, bool isJson, CancellationToken stop)
    {
        try
        {
            return await runner.RunAsync(stop);
        }
        catch (Exception e) when (isJson)
        {
            var error = e switch
            {
                HaloException failure => CommandFaults.TextOf(failure),
                OperationCanceledException => "Interrupted.",
                _ => e.Message,
            };
            Console.Out.WriteLine(JsonSerializer.Serialize(runner.Summary(error), ExportJson.Default.ExportSummary));
            throw;
        }
    }

    static async Task WriteOutputAsync(ParseResult parsed, HaloSite site, HaloCommand? command, CancellationToken stop)
    {
        HaloQuery query;
        if (command is null)
            query = site.Resume(parsed.GetValue(Resumed)!.Value);
        else
        {
            query = await site.QueueAsync(command, ExecutionMode.Reader, Sql.OptionsOf(parsed), stop);
            Console.Error.WriteLine($"Queued as {query.Id}. If this is interrupted, take its rows again: halo export --query {query.Id}");
        }
        var ended = await query.WaitAsync(stop);
        if (LostRows.HasNone(ended))
            throw LostRows.None(ended, isExecuted: command is not null);
        var all = ended.Result!.Rows!.Value;
        var stream = Console.OpenStandardOutput();
        RowOutput output = parsed.GetValue(Form) == ExportForm.Csv ? new CsvOutput(stream, parsed.GetValue(Formulas) is CsvFormulas.Escape) : new JsonOutput(stream, lines: true);
        var options = site.Calls.Calls.Options;
        var progress = new Progress("", all, ended.Result.Size, options.TimeProvider);
        try
        {
            output.Begin(ended.Result.Columns ?? []);
            await foreach (var rows in PageRows.PagesAsync(ended, new PageDownload(query.Calls, query.Id).FetchAsync, options.PageParallelism, stop))
            {
                while (await PageRows.ReadRowAsync(rows, ended, stop))
                {
                    output.Row(rows.Row);
                    progress.Step(rows.Row.Json.Length);
                }
            }
            await output.CompleteAsync();
        }
        // Pages have exceptions of their own.
        catch (IOException e)
        {
            throw new LocalFileException($"Standard output could not be written: {e.Message.TrimEnd('.')}. Take the rows again: halo export --query {query.Id}", e);
        }
        finally
        {
            progress.End();
        }
        Notices.Show(ended);
        Console.Error.WriteLine($"{all} rows.");
    }
}
