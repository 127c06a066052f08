using System.CommandLine;
using Halo.Cli.Output;
using Halo.Cli.Shell;
using Halo.Cli.Shell.Editing;
using Halo.Client;
using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>Statements one after the other, typed or from a pipe.</summary>
static class ShellCommand
{
    public const string Name = "shell";

    const int LongestName = 30;

    /// <summary>Between two parts of what is pasted no more time goes by.</summary>
    static readonly TimeSpan PasteGap = TimeSpan.FromMilliseconds(50);

    static readonly Argument<string?> Site = new("site") { Description = "The practice, as --site has it", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<bool> NoHistory = new("--no-history") { Description = "Keep no statements. Else they are kept, without what they gave, in a file that only you can read, beside the profiles" };
    static readonly Option<double?> Timeout = new("--timeout") { Description = "How long each statement may execute, in seconds", HelpName = "SECONDS" };
    static readonly Option<string?> Catalogue = new("--catalogue") { Description = "One of the practice's databases; default: its default one", HelpName = "NAME" };
    static readonly Option<string?> Tag = new("--tag") { Description = "A mark of your own that is kept with each query", HelpName = "TEXT" };

    public static Command Create() => new Command(Name,
        "Type statements, with history and completion; \\? shows what else there is. From a pipe it runs all of them, and stops at the first that fails. Examples: halo shell 'Best Practice/12345'; halo shell < statements.sql")
    {
        Site, NoHistory, Timeout, Catalogue, Tag,
    }.WithAction(RunAsync);

    static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        if (Connection.TakesKeyFromInput(parsed))
            throw new UsageException("Standard input holds the statements, and cannot hold the key: set HALO_KEY, or save it by halo login.");
        using var client = Connection.Client(parsed);
        var isInteractive = !Console.IsInputRedirected && !Console.IsErrorRedirected;
        var site = await Connection.SiteAsync(parsed, client, stop, parsed.GetValue(Site));
        if (isInteractive && site.Info is null)
            site = await client.Sites.GetAsync(site.Id, stop);
        // Only now: until there is a prompt Ctrl+C ends the program.
        using var interrupts = new Interrupts(isInteractive);
        var options = new HaloQueryOptions
        {
            Timeout = CommandOptions.TimeoutOf(parsed.GetValue(Timeout)),
            Catalogue = parsed.GetValue(Catalogue),
            Tag = parsed.GetValue(Tag),
        };
        var session = new ShellSession(site, options, site.Calls.Calls.Options.TimeProvider, isInteractive, interrupts);
        if (!isInteractive)
            return await RunAllAsync(session, interrupts);
        await TypedAsync(session, interrupts, site, !parsed.GetValue(NoHistory));
        return ExitCodes.Done;
    }

    /// <summary>All statements of standard input, until one fails. A last one without a semicolon runs where it only reads: whoever writes to the pipe may have died within it.</summary>
    static async Task<int> RunAllAsync(ShellSession session, Interrupts interrupts)
    {
        var reader = new StatementReader();
        var isFirst = true;
        while (!session.IsOver && await Console.In.ReadLineAsync() is { } line)
        {
            // Editors of Windows begin files with a mark.
            if (isFirst)
                line = line.TrimStart('\uFEFF');
            isFirst = false;
            var code = ExitCodes.Done;
            if (IsCommand(reader, line))
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
        var end = reader.HasBody ? "GO, / or \\g alone on a line" : "a semicolon";
        if (session.IsOver || reader.Take() is not { } last)
            return ExitCodes.Done;
        if (!ReadingText.Reads(HaloCommand.Text(last).Command with { ExecutionMode = ExecutionMode.Reader }))
            throw new UsageException($"The last statement may write and is not ended, so it was not run: it may be incomplete. End it with {end}.");
        return await session.RunAsync(last);
    }

    /// <summary>The shell's own; <c>\g</c> ends a statement, also one that a semicolon has ended already.</summary>
    static bool IsCommand(StatementReader reader, string line) => reader.IsEmpty && line.StartsWith('\\') && line.Trim() != "\\g";

    /// <summary>What a line ends, and whether each has a body of statements.</summary>
    static List<(string Statement, bool IsBodied)> Ended(StatementReader reader, string line)
    {
        var hadBody = reader.HasBody;
        return [.. reader.Add(line).Select(s => (s, hadBody))];
    }

    static async Task TypedAsync(ShellSession session, Interrupts interrupts, HaloSite site, bool keepsHistory)
    {
        var name = Printable.Of(site.Info?.PracticeMetadata?.PracticeName ?? site.Info?.Name ?? site.Id.ToString());
        Console.Error.WriteLine($"{name}, {Printable.Of(site.Info!.PracticeManagementName)} {Printable.Of(site.Info.PracticeManagementSiteId)}. \\? helps, \\q or Ctrl+D ends.");
        var prompt = name.Length > LongestName ? name[..LongestName] : name;
        var history = Open(keepsHistory ? History.DefaultPath : null);
        var reader = new StatementReader();
        var isPrivate = false;
        var time = site.Calls.Calls.Options.TimeProvider;
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
            if (end == LineEnd.EndOfInput)
                return;
            if (end == LineEnd.Interrupted)
                reader.Take();
            else if (reader.IsEmpty && line.Trim() is "quit" or "exit")
                return;
            else if (IsCommand(reader, line.TrimStart()))
            {
                Keep(history, line.TrimEnd());
                if (await session.CommandAsync(line.Trim()) != ExitCodes.Done)
                    await DropAsync(reader, time);
            }
            else
            {
                isPrivate = reader.IsEmpty ? line.StartsWith(' ') : isPrivate;
                var hadBody = reader.HasBody;
                // One of several lines that was called back has ends of its own.
                foreach (var (statement, isBodied) in line.Split('\n').SelectMany(part => Ended(reader, part)))
                {
                    Keep(history, (isPrivate ? " " : "") + statement + (isBodied ? "\n\\g" : ";"));
                    // What follows one that failed may need it.
                    if (await session.RunAsync(statement) != ExitCodes.Done)
                    {
                        await DropAsync(reader, time);
                        break;
                    }
                }
                if (reader.HasBody && !hadBody && line.Contains(';', StringComparison.Ordinal))
                    Console.Error.WriteLine("Statements of this kind have semicolons within: GO, / or \\g alone on a line ends it.");
            }
        }
    }

    /// <summary>What was pasted or typed ahead behind a statement that failed is not run.</summary>
    static async Task DropAsync(StatementReader reader, TimeProvider time)
    {
        var isDropped = reader.Take() is not null;
        // Pasted text may still be coming.
        while (Console.KeyAvailable || await IsComingAsync())
        {
            Console.ReadKey(intercept: true);
            isDropped = true;
        }
        if (isDropped)
            Console.Error.WriteLine("What was entered after it was not run.");

        async Task<bool> IsComingAsync()
        {
            await Task.Delay(PasteGap, time);
            return Console.KeyAvailable;
        }
    }

    static History Open(string? path)
    {
        try
        {
            return new History(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"halo: the history cannot be read, and none is kept: {Printable.Of(e.Message)}");
            return new History(null);
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
            Console.Error.WriteLine($"halo: the history is not kept: {Printable.Of(e.Message)}");
        }
    }
}
