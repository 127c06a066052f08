using System.CommandLine;
using Halo.Cli.Output;
using Halo.Cli.Shell;
using Halo.Cli.Shell.Editing;
using Halo.Client;

namespace Halo.Cli.Commands;

/// <summary>Statements one after the other, typed or from a pipe.</summary>
static class ShellCommand
{
    public const string Name = "shell";

    const int LongestName = 30;

    static readonly Argument<string?> Site = new("site") { Description = "The practice, as --site has it", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<bool> NoHistory = new("--no-history") { Description = "Keep no statements. Else they are kept, without what they gave, in a file that only you can read, beside the profiles" };
    static readonly Option<double?> Timeout = new("--timeout") { Description = "How long each statement may execute, in seconds", HelpName = "SECONDS" };
    static readonly Option<string?> Catalogue = new("--catalogue") { Description = "One of the practice's databases; default: its default one", HelpName = "NAME" };
    static readonly Option<string?> Tag = new("--tag") { Description = "A mark of your own that is kept with each query", HelpName = "TEXT" };

    public static Command Make() => new Command(Name,
        "Type statements, with history and completion; \\? shows what else there is. From a pipe it runs all of them, and stops at the first that fails. Examples: halo shell 'Best Practice/12345'; halo shell < statements.sql")
    {
        Site, NoHistory, Timeout, Catalogue, Tag,
    }.Does(RunAsync);

    static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        if (Connection.TakesKeyFromInput(parsed))
            throw new UsageException("Standard input holds the statements, and cannot hold the key: set HALO_KEY, or save it by halo login.");
        using var client = Connection.Client(parsed);
        using var interrupts = new Interrupts();
        var site = await Connection.SiteAsync(parsed, client, stop, parsed.GetValue(Site));
        var options = new HaloQueryOptions
        {
            Timeout = parsed.GetValue(Timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Catalogue = parsed.GetValue(Catalogue),
            Tag = parsed.GetValue(Tag),
        };
        var isInteractive = !Console.IsInputRedirected && !Console.IsErrorRedirected;
        var session = new ShellSession(site, options, site.Calls.Calls.Options.TimeProvider, isInteractive, interrupts);
        if (!isInteractive)
            return await RunAllAsync(session, interrupts);
        await TypedAsync(session, interrupts, site.Info is null ? await client.Sites.GetAsync(site.Id, stop) : site, !parsed.GetValue(NoHistory));
        return ExitCodes.Done;
    }

    /// <summary>All statements of standard input, also a last one without a semicolon, until one fails.</summary>
    static async Task<int> RunAllAsync(ShellSession session, Interrupts interrupts)
    {
        var reader = new StatementReader();
        while (!session.IsOver && await Console.In.ReadLineAsync() is { } line)
        {
            var code = ExitCodes.Done;
            if (reader.IsEmpty && line.StartsWith('\\'))
                code = await session.CommandAsync(line);
            else
            {
                foreach (var statement in reader.Add(line))
                    if (code == ExitCodes.Done && !session.IsOver)
                        code = await session.RunAsync(statement);
            }
            if (code != ExitCodes.Done || interrupts.IsEnding)
                return code == ExitCodes.Done ? ExitCodes.Interrupted : code;
        }
        return !session.IsOver && reader.Take() is { } last ? await session.RunAsync(last) : ExitCodes.Done;
    }

    static async Task TypedAsync(ShellSession session, Interrupts interrupts, HaloSite site, bool keepsHistory)
    {
        var name = Printable.Of(site.Info?.PracticeMetadata?.PracticeName ?? site.Info?.Name ?? site.Id.ToString());
        Console.Error.WriteLine($"{name}, {Printable.Of(site.Info!.PracticeManagementName)} {Printable.Of(site.Info.PracticeManagementSiteId)}. \\? helps, \\q or Ctrl+D ends.");
        var prompt = name.Length > LongestName ? name[..LongestName] : name;
        var history = new History(keepsHistory ? History.DefaultPath : null);
        var reader = new StatementReader();
        var editor = new LineEditor(Console.Error, history, (before, after) =>
        {
            // The lines before belong to the statement too.
            var earlier = reader.Text;
            var (start, candidates) = Completion.Find(earlier + before, after, session.KnownSchema);
            return start < earlier.Length ? (0, []) : (start - earlier.Length, candidates);
        });
        session.ReadSchema();
        TerminalModes.ObeyEscapes();
        while (!session.IsOver && !interrupts.IsEnding)
        {
            var (end, line) = editor.Read(reader.IsEmpty ? $"{prompt}=> " : $"{prompt}-> ", $"{prompt}-> ");
            if (end == LineEnd.Input)
                return;
            if (end == LineEnd.Left)
                reader.Take();
            else if (reader.IsEmpty && line.Trim() is "quit" or "exit")
                return;
            else if (reader.IsEmpty && line.TrimStart().StartsWith('\\'))
            {
                Keep(history, line.Trim());
                await session.CommandAsync(line.Trim());
            }
            else
            {
                foreach (var statement in reader.Add(line))
                {
                    Keep(history, statement + ";");
                    // Several in one line: what follows one that failed may need it.
                    if (await session.RunAsync(statement) != ExitCodes.Done)
                        break;
                }
            }
        }
    }

    static void Keep(History history, string statement)
    {
        try
        {
            history.Add(statement);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"halo: the history is not kept: {e.Message}");
        }
    }
}
