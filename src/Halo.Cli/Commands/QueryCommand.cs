using System.CommandLine;
using System.Text.Json;
using Halo.Cli.Output;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>Runs a query and shows its rows.</summary>
static class QueryCommand
{
    static readonly CommandOptions Sql = new();
    static readonly Option<OutputForm> Form = RowOutput.Option();

    public static Command Create() => Sql.On(new Command("query",
        "Run a query and show its rows, at most 8 MiB of them; halo export takes more. Example: halo query \"SELECT * FROM patients WHERE id = @id\" -p id=66 --output csv")
    {
        Form,
    }).WithAction(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        using var client = Connection.Client(parsed);
        var command = await Sql.ReadAsync(parsed, stop);
        var site = await Connection.SiteAsync(parsed, client, stop);
        var query = await site.RunAsync(command, ExecutionMode.Reader, Sql.OptionsOf(parsed), stop);
        var output = RowOutput.Of(parsed.GetValue(Form), Console.OpenStandardOutput());
        output.Begin(query.Result!.Columns ?? []);
        using var rows = JsonDocument.Parse(Convert.FromBase64String(query.Result.Data!));
        foreach (var row in rows.RootElement.EnumerateArray())
            output.Row(row);
        await output.CompleteAsync();
        Notices.Show(query);
        if (parsed.GetValue(Form) is OutputForm.Table)
            Console.Error.WriteLine($"({query.Result.Rows} row{(query.Result.Rows == 1 ? "" : "s")}, {query.Metrics?.SqlExecutionDuration ?? 0} ms in the database)");
    }
}

/// <summary>Runs a command that gives no rows.</summary>
static class ExecuteCommand
{
    static readonly CommandOptions Sql = new();

    public static Command Create() => Sql.On(new Command("execute",
        "Run a command that gives no rows and write how many it changed. It is never executed twice. Example: halo execute \"UPDATE appointments SET note = @note WHERE id = @id\" -p note=seen -p id:Int=4711")).WithAction(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        using var client = Connection.Client(parsed);
        var command = await Sql.ReadAsync(parsed, stop);
        var site = await Connection.SiteAsync(parsed, client, stop);
        var query = await site.RunAsync(command, ExecutionMode.NonQuery, Sql.OptionsOf(parsed), stop);
        Notices.Show(query);
        Console.Out.WriteLine(query.Result?.RowsAffected ?? -1);
    }
}

/// <summary>What the service and the database say beside an answer.</summary>
static class Notices
{
    public static void Show(Query query)
    {
        foreach (var notice in query.Notices ?? [])
            Console.Error.WriteLine($"{Printable.Of(notice.Code)}: {Printable.Of(notice.Message)}");
    }
}
