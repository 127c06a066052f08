using System.CommandLine;
using System.Text.Json;
using Halo.Cli.Output;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>Finds a practice.</summary>
static class SitesCommand
{
    static readonly Argument<string> System = new("system") { Description = "The practice's system, as 'Best Practice', Zedmed or D4w" };
    static readonly Argument<string> Id = new("id") { Description = "The practice's id in its system" };
    static readonly Option<OutputForm> Form = RowOutput.Option();

    public static Command Make() =>
        new Command("sites", "Find a practice's site, and see whether it can be asked now. Example: halo sites 'Best Practice' 12345") { System, Id, Form }.Does(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        using var client = Connection.Client(parsed);
        var (system, id) = (parsed.GetValue(System)!, parsed.GetValue(Id)!);
        var site = (await client.Sites.FindAsync(system, id, stop))?.Info
            ?? throw new NotFoundException($"There is no practice {id} of {system}: see whether both are written as the practice has them.");
        var output = RowOutput.Of(parsed.GetValue(Form), Console.OpenStandardOutput());
        if (parsed.GetValue(Form) is OutputForm.Json or OutputForm.Ndjson)
        {
            output.Begin([]);
            output.Row(JsonSerializer.SerializeToElement(site, HaloJson.Default.Site));
            await output.CompleteAsync();
            return;
        }
        string[] names = ["id", "name", "availability", "database", "status", "version", "catalogues"];
        string?[] values =
        [
            site.Id.ToString(), site.PracticeMetadata?.PracticeName ?? site.Name, Word(site.Availability), site.Database is { } database ? Word(database.Status) : null, Word(site.Status),
            site.HaloLinkVersion, string.Join(", ", site.Catalogue.Select(c => c.Name)),
        ];
        output.Begin([.. names.Select(n => new ResultColumn(n, null, ""))]);
        output.Row(values);
        await output.CompleteAsync();
    }

    static string Word(Enum value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
