using System.Globalization;
using System.Text;
using System.Text.Json;
using Halo.Cli.Commands;
using Halo.Cli.Exports;
using Halo.Cli.Output;
using Halo.Client;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Cli.Shell;

/// <summary>Runs statements and the shell's own commands, and shows what they give.</summary>
sealed class ShellSession(HaloSite site, HaloQueryOptions options, TimeProvider time, bool isInteractive, Interrupts interrupts)
{
    readonly Stream _output = Console.OpenStandardOutput();

    // Null: where rows are wider than the terminal.
    bool? _isExpanded = isInteractive ? null : false;
    bool _isTiming, _isShowing;
    Task<DatabaseSchema>? _schema;

    /// <summary>\q was said.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The schema, once it is there: completion does not wait for it.</summary>
    public DatabaseSchema? KnownSchema => _schema is { IsCompletedSuccessfully: true } read ? read.Result : null;

    /// <summary>Begins to read the schema, for completion.</summary>
    public void ReadSchema() => _schema = site.SchemaAsync(options.Catalogue);

    /// <summary>Runs a statement.</summary>
    /// <returns>The exit code that it stands for.</returns>
    public Task<int> RunAsync(string statement) => GuardAsync(StatementReader.GivesRows(statement) ? "query" : "execute", async stop =>
    {
        if (StatementReader.IsOfTransaction(statement))
            throw new UsageException("Each statement is a transaction of its own, so this was not sent: what follows would not be in it. Several statements that take effect together are a batch of the API.");
        var began = time.GetTimestamp();
        var command = HaloCommand.Text(statement);
        var query = await site.RunAsync(command, StatementReader.GivesRows(statement) ? ExecutionMode.Reader : ExecutionMode.NonQuery, options, stop);
        var took = time.GetElapsedTime(began);
        if (query.Result?.Data is { } data)
            await ShowAsync(query.Result, data, stop);
        else
            Inform(query.Result?.RowsAffected is >= 0 and var changed ? $"({Progress.Number(changed)} row{(changed == 1 ? "" : "s")} changed)" : "(done)");
        Notices.Show(query);
        if (_isTiming)
            Console.Error.WriteLine($"Time: {Progress.Number((long)took.TotalMilliseconds)} ms, {Progress.Number(query.Metrics?.SqlExecutionDuration ?? 0)} ms of them in the database");
    });

    /// <summary>Runs a command of the shell, as <c>\d patients</c>.</summary>
    /// <returns>The exit code that it stands for.</returns>
    public Task<int> CommandAsync(string line) => GuardAsync("query", async stop =>
    {
        var parts = line.Split((char[])[' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        parts[0] = parts[0].TrimEnd(';');
        var name = parts.Length > 1 && Unquoted(parts[1]) is { Length: > 0 } given ? given : null;
        switch (parts[0])
        {
            case "\\q":
                IsOver = true;
                break;
            case "\\?":
                Console.Out.WriteLine(ShellHelp.Text);
                break;
            case "\\d" when name is null:
                await SchemaView.ListAsync(await SchemaAsync(refresh: false, stop), _output);
                break;
            case "\\d":
                await SchemaView.ShowAsync(TableSelection.Find(await SchemaAsync(refresh: false, stop), name), _output);
                break;
            case "\\refresh":
                var schema = await SchemaAsync(refresh: true, stop);
                Inform($"{schema.Tables.Count} tables and views.");
                break;
            case "\\timing":
                _isTiming = Switched(name, !_isTiming) ?? throw Wrong();
                Inform($"Timing is {(_isTiming ? "on" : "off")}.");
                break;
            case "\\x":
                _isExpanded = name == "auto" ? null : Switched(name, _isExpanded != true) ?? throw Wrong();
                Inform($"Rows with a column to a line: {(_isExpanded is { } on ? on ? "on" : "off" : "auto")}.");
                break;
            default:
                throw new UsageException($"{parts[0]} is not a command of the shell; \\? shows all.");
        }

        UsageException Wrong() => new($"{parts[0]} takes on or off{(parts[0] == "\\x" ? " or auto" : "")}.");

        static bool? Switched(string? word, bool other) => word switch
        {
            null => other,
            "on" => true,
            "off" => false,
            _ => null,
        };
    });

    /// <summary>A name as SQL writes it, without its quotes and the semicolons behind it.</summary>
    internal static string Unquoted(string written)
    {
        var name = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i < written.Length; i++)
        {
            if (written[i] == '"' && isQuoted && i + 1 < written.Length && written[i + 1] == '"')
                name.Append(written[++i]);
            else if (written[i] == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && written.AsSpan(i).Trim("; \t").IsEmpty)
                break;
            else
                name.Append(written[i]);
        }
        return name.ToString();
    }

    /// <param name="again">The command of halo that asks again with a key.</param>
    async Task<int> GuardAsync(string again, Func<CancellationToken, Task> run)
    {
        var how = $"the same statement, without its semicolon, by halo {again}";
        if (options.Timeout is { } timeout)
            how += string.Create(CultureInfo.InvariantCulture, $" --timeout {timeout.TotalSeconds}");
        if (options.Catalogue is { } catalogue)
            how += $" --catalogue '{catalogue}'";
        _isShowing = false;
        try
        {
            return await interrupts.RunAsync(async stop =>
            {
                await run(stop);
                return ExitCodes.Done;
            });
        }
        catch (HaloCanceledException e)
        {
            Console.Error.WriteLine($"Cancelled, and asked to be stopped at the practice. It may have been executed before; {Printable.Of(CommandFaults.AskAgain(e.IdempotencyKey, how))}");
            return ExitCodes.Interrupted;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine(_isShowing ? "Interrupted: it was executed, and its other rows are not shown." : "Cancelled.");
            return ExitCodes.Interrupted;
        }
        catch (HaloException e)
        {
            Console.Error.WriteLine($"halo: {Printable.Of(CommandFaults.TextOf(e, how))}");
            return ExitCodes.Of(e);
        }
        catch (Exception e) when (e is UsageException or NotFoundException)
        {
            Console.Error.WriteLine($"halo: {Printable.Of(e.Message)}");
            return e is NotFoundException ? ExitCodes.Refused : ExitCodes.Usage;
        }
    }

    async Task ShowAsync(QueryResult result, string data, CancellationToken stop)
    {
        _isShowing = true;
        var width = isInteractive && !Console.IsOutputRedirected ? Console.BufferWidth : (int?)null;
        var output = new TableOutput(_output, isMarkdown: false, _isExpanded switch { true => 0, false => null, null => width }, stop);
        output.Begin(result.Columns ?? []);
        using var rows = JsonDocument.Parse(Convert.FromBase64String(data));
        foreach (var row in rows.RootElement.EnumerateArray())
            output.Row(row);
        await output.CompleteAsync();
        Inform($"({Progress.Number(result.Rows ?? 0)} row{(result.Rows == 1 ? "" : "s")})");
    }

    async Task<DatabaseSchema> SchemaAsync(bool refresh, CancellationToken stop)
    {
        if (refresh || _schema is null or { IsFaulted: true } or { IsCanceled: true })
            _schema = site.SchemaAsync(options.Catalogue, refresh, CancellationToken.None);
        return await _schema.WaitAsync(stop);
    }

    /// <summary>What somebody at a terminal wants to know, and a pipe does not.</summary>
    void Inform(string text)
    {
        if (isInteractive)
            Console.Error.WriteLine(text);
    }
}
