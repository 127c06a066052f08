using System.CommandLine;
using System.Text.Json;
using Halo.Cli.Output;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Cli.Commands;

/// <summary>Finds a practice, or lists all.</summary>
static class SitesCommand
{
    static readonly Argument<string?> System = new("system") { Description = "The practice's system, as 'Best Practice', Zedmed or D4w; nothing: all your sites are listed", Arity = ArgumentArity.ZeroOrOne };
    static readonly Argument<string?> Id = new("id") { Description = "The practice's id in its system", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<SiteAvailability?> Availability = new("--availability") { Description = "Of the list: only those that can, or cannot, be asked now", HelpName = "online|offline|unreachable" };
    static readonly Option<SiteStatus?> Status = new("--status") { Description = "Of the list: only those in this state", HelpName = "initialising|active|removed|uninstalled" };
    static readonly Option<OutputForm> Form = RowOutput.Option();

    public static Command Create() => new Command("sites",
        "Find a practice's site, and see whether it can be asked now: halo sites 'Best Practice' 12345. Without a practice all sites that you are paired with are listed: halo sites --availability online")
    {
        System, Id, Availability, Status, Form,
    }.WithAction(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        using var client = Connection.Client(parsed);
        var (system, id) = (parsed.GetValue(System), parsed.GetValue(Id));
        if (system is not null && id is null)
            throw new UsageException("Which practice of that system? Give its id too, as halo sites 'Best Practice' 12345, or nothing for all your sites.");
        var (availability, status) = (parsed.GetValue(Availability), parsed.GetValue(Status));
        if (system is not null && (availability is not null || status is not null))
            throw new UsageException("--availability and --status are of the list of all your sites: leave them out, or the practice.");
        var output = RowOutput.Of(parsed.GetValue(Form), Console.OpenStandardOutput());
        var isJson = parsed.GetValue(Form) is OutputForm.Json or OutputForm.Ndjson;
        if (system is not null)
        {
            var site = (await client.Sites.FindAsync(system, id!, stop))?.Info
                ?? throw new NotFoundException($"There is no practice {id} of {system}: see whether both are written as the practice has them.");
            Begin(output, isJson, OfOne);
            Write(output, isJson, OfOne, site);
        }
        else
        {
            var isBegun = false;
            await foreach (var site in client.Sites.ListAsync(availability, status, cancellationToken: stop))
            {
                if (!isBegun)
                    Begin(output, isJson, OfMany);
                isBegun = true;
                Write(output, isJson, OfMany, site.Info!);
            }
            if (!isBegun)
                Begin(output, isJson, OfMany);
        }
        await output.CompleteAsync();
    }

    static (string Name, Func<Site, string?> Value)[] OfOne =>
    [
        ("id", s => s.Id.ToString()), ("name", s => s.PracticeMetadata?.PracticeName ?? s.Name), ("availability", s => Word(s.Availability)),
        ("database", s => s.Database is { } database ? Word(database.Status) : null), ("status", s => Word(s.Status)), ("version", s => s.HaloLinkVersion),
        ("catalogues", s => string.Join(", ", s.Catalogue.Select(c => c.Name))),
    ];

    static (string Name, Func<Site, string?> Value)[] OfMany =>
    [
        .. OfOne[..2], ("system", s => s.PracticeManagementName), ("practice", s => s.PracticeManagementSiteId), ("authoritative", s => s.Authoritative ? "yes" : "no"), .. OfOne[2..],
    ];

    static void Begin(RowOutput output, bool isJson, (string Name, Func<Site, string?> Value)[] columns) => output.Begin(isJson ? [] : [.. columns.Select(c => new ResultColumn(c.Name, null, ""))]);

    static void Write(RowOutput output, bool isJson, (string Name, Func<Site, string?> Value)[] columns, Site site)
    {
        if (isJson)
            output.Row(JsonSerializer.SerializeToElement(site, HaloJson.Default.Site));
        else
            output.Row([.. columns.Select(c => c.Value(site))]);
    }

    static string Word(Enum value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
