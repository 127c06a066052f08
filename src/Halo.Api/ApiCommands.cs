using System.CommandLine;
using Halo.Api.Basics;

namespace Halo.Api;

/// <summary>The commands of <c>halo-api</c>. The service's settings (<c>--Halo:Enrolment=open</c>, <c>--urls=…</c>) may stand beside each of them.</summary>
static class ApiCommands
{
    const int NeedsAPerson = 2;

    /// <summary>Runs the command that the arguments name; without one, the service.</summary>
    /// <returns>0 in order; 1: the command line is wrong; 2: a person has to put something right first.</returns>
    public static Task<int> RunAsync(string[] args)
    {
        var (words, settings) = Split(args);
        // The host handles signals itself: it has more to do than a command that is cut off.
        return Build(settings).Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null })
            .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    static RootCommand Build(string[] settings)
    {
        var root = new RootCommand(
            "Halo API: the service that integrators call. Without a command it runs. Settings may stand beside any command, as --Halo:Enrolment=open or --urls=http://127.0.0.1:5080; "
            + "they can also come from the environment (Halo__Enrolment) and from appsettings.json. Exit codes: 0 in order, 1 wrong command line, 2 something has to be put right first.");
        var run = new Command("run", "Runs the service in the foreground until SIGTERM or SIGINT. The same as no command.");
        foreach (var command in (Command[])[root, run])
            command.SetAction((_, _) => OrExplain("halo-api cannot start.", () => HaloApi.RunAsync(settings)));
        root.Add(run);
        root.Add(Backup(settings));
        root.Add(Restore(settings));
        root.Add(Rewrap(settings));
        return root;
    }

    static Command Backup(string[] settings)
    {
        var file = new Argument<string>("FILE") { Description = "The file to write." };
        var backup = new Command("backup", "Writes the store and all pages to one file, also while the service runs. It holds no keys.") { file };
        backup.SetAction((parsed, _) => OrExplain("halo-api backup:", () => BackupCommands.BackupAsync(parsed.GetRequiredValue(file), settings)));
        return backup;
    }

    static Command Restore(string[] settings)
    {
        var file = new Argument<string?>("FILE") { Description = "A file that backup wrote.", Arity = ArgumentArity.ZeroOrOne };
        var settle = new Option<bool>("--settle") { Description = "Only settle the queries that were open in a store that was put back by other means, as pg_restore." };
        var restore = new Command("restore", "Puts back the store and all pages of a backup, while the service does not run. What was open is settled.") { file, settle };
        restore.Validators.Add(result =>
        {
            if (result.GetValue(settle) == result.GetValue(file) is not null)
                result.AddError("restore takes either the FILE of a backup or --settle.");
        });
        restore.SetAction((parsed, _) => OrExplain("halo-api restore:", () =>
            parsed.GetValue(settle) ? BackupCommands.SettleAsync(settings) : BackupCommands.RestoreAsync(parsed.GetRequiredValue(file)!, settings)));
        return restore;
    }

    static Command Rewrap(string[] settings)
    {
        var signing = new Option<bool>("--signing-key") { Description = "Also replace the key that signs Links' access tokens; those by the one before hold until they expire." };
        var rewrap = new Command("rewrap",
            "Wraps every stored key by the current master key (Halo:Encryption:MasterKey), so that an older one (Halo:Encryption:OldKeys) can go. "
            + "With SQLite while the service does not run; with PostgreSQL also while it does. Exit code 3: an older key is still needed.") { signing };
        rewrap.SetAction((parsed, _) => OrExplain("halo-api rewrap:", () => RewrapCommand.RunAsync(parsed.GetValue(signing), settings)));
        return rewrap;
    }

    static async Task<int> OrExplain(string what, Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (StartupException e)
        {
            await System.Console.Error.WriteLineAsync($"{what} {e.Message}");
            return NeedsAPerson;
        }
    }

    /// <summary>Parts commands and their options from settings, which .NET's own rules read: <c>--KEY=VALUE</c>, <c>--KEY VALUE</c>, <c>/KEY=VALUE</c>, <c>KEY=VALUE</c>.</summary>
    static (string[] Words, string[] Settings) Split(string[] args)
    {
        var ours = Options(Build([])).ToHashSet(StringComparer.Ordinal);
        var (words, settings) = (new List<string>(), new List<string>());
        for (var i = 0; i < args.Length; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? args[i] : args[i][..equals];
            if (equals > 0 ? KnownSettings.IsRoot(key.TrimStart('-', '/')) || key.StartsWith("--", StringComparison.Ordinal) && !ours.Contains(key)
                : key.StartsWith("--", StringComparison.Ordinal) && !ours.Contains(key) && i + 1 < args.Length && !args[i + 1].StartsWith("--", StringComparison.Ordinal))
            {
                settings.Add(args[i]);
                if (equals < 0)
                    settings.Add(args[++i]);
            }
            else
                words.Add(args[i]);
        }
        return ([.. words], [.. settings]);
    }

    static IEnumerable<string> Options(Command command) =>
        [.. command.Options.SelectMany(o => (IEnumerable<string>)[o.Name, .. o.Aliases]), .. command.Subcommands.SelectMany(Options)];
}
