using System.CommandLine;
using System.Text.Json;
using Halo.Line.Logging;
using Halo.Link.Configuring;
using Halo.Link.Diagnosis;
using Halo.Link.Installing;
using Halo.Link.Installing.Windows;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Link.Status;
using Halo.Link.Updating;
using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace Halo.Link;

/// <summary>The commands of <c>halo-link</c>.</summary>
static class LinkCommands
{
    const int NotRunning = 1;
    const int HasProblems = 1;
    const int NoCode = 3;
    const int NotConnected = 3;

    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] args) => OperatingSystem.IsWindows() && args is [SetupProgram.Command, ..]
        ? SetupProgram.RunAsync(args, (settings, stop) => LinkUninstall.RunAsync(settings, TimeProvider.System, stop), TimeProvider.System)
        : RunCommandAsync(args);

    static Task<int> RunCommandAsync(string[] args) => Build()
        // A value may begin with @, as passwords do: it names no file with more arguments.
        .Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null })
        // The Link handles signals itself: it has more to do than a command that is cut off.
        .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

    static RootCommand Build()
    {
        var config = new Option<string>("--config")
        {
            Description = "The configuration file.",
            DefaultValueFactory = _ => DefaultPaths.ConfigurationFile,
            Recursive = true,
        };
        var updating = new UpdateCommand(parsed => DataDirectoryOf(parsed.GetRequiredValue(config)).Directory, StatusServer.AskUpdateAsync,
            async (directory, stop) => await StatusServer.AskAsync(directory, stop) is { } report ? (true, report.Offered) : (false, null), TimeProvider.System);
        return new("Halo Link: the agent beside a practice's database.") { config, Run(config), new ConfigureCommand(config, Console.In, AnsiConsole.Console).Build(), Status(config), Examine(config), updating.BuildUpdate(), updating.BuildRollback(), PairingCode(config), Uninstall(config) };
    }

    static Command Run(Option<string> config)
    {
        var level = new Option<LogLevel?>("--log-level") { Description = "The least that is logged; decides over the setting logLevel." };
        var run = new Command("run", "Runs in the foreground until SIGTERM or SIGINT.") { level };
        run.SetAction(async (parsed, _) =>
        {
            if (ServiceLog.IsNeeded)
                ServiceLog.Begin();
            var exitCode = await FaultyConfiguration.ExplainAsync(async () =>
            {
                var file = parsed.GetRequiredValue(config);
                var settings = SettingsReader.Read(file, Environment.GetEnvironmentVariables());
                return await LinkProcess.RunAsync(settings, file, parsed.GetValue(level));
            });
            if (exitCode != 0 && ServiceLog.IsNeeded)
                ServiceLog.TellOfFailure(exitCode);
            return exitCode;
        });
        return run;
    }

    static Command Status(Option<string> config)
    {
        var json = new Option<bool>("--json") { Description = "For programs." };
        var status = new Command("status", "Says what the running Link is doing.") { json };
        status.SetAction(async (parsed, stop) => await FaultyConfiguration.ExplainAsync(async () =>
        {
            var (directory, faulty) = DataDirectoryOf(parsed.GetRequiredValue(config));
            if (await StatusServer.AskAsync(directory, stop) is not { } report)
            {
                // The file alone says where a Link would run.
                if (faulty is not null)
                    throw faulty;
                await Console.Error.WriteLineAsync($"No Halo Link runs on {directory}, or it is not yours to ask: its owner and administrators can.");
                return NotRunning;
            }
            Console.Write(parsed.GetValue(json)
                ? JsonSerializer.Serialize(report, StatusJson.Default.StatusReport) + Environment.NewLine
                : report.ToText());
            return report.Connected ? 0 : NotConnected;
        }));
        return status;
    }

    static Command Examine(Option<string> config)
    {
        var json = new Option<bool>("--json") { Description = "For programs." };
        var doctor = new Command("doctor", "Tries the configuration, the way to the API and each site's database, and says in one line each what is wrong and what to do. Changes nothing; a Link may run meanwhile.") { json };
        doctor.SetAction(async (parsed, stop) =>
        {
            var file = parsed.GetRequiredValue(config);
            DoctorReport report;
            var faulty = false;
            try
            {
                report = await Doctor.ExamineAsync(SettingsReader.Read(file, Environment.GetEnvironmentVariables()), file, TimeProvider.System, stop);
            }
            catch (SettingsException e)
            {
                (report, faulty) = (Doctor.Of(e), true);
            }
            Console.Write(parsed.GetValue(json) ? JsonSerializer.Serialize(report, DoctorJson.Default.DoctorReport) + Environment.NewLine : report.ToText());
            return faulty ? FaultyConfiguration.ExitCode : report.Healthy ? 0 : HasProblems;
        });
        return doctor;
    }

    /// <summary>A Link goes on with its last good settings while its file is faulty: it is asked where the file seems to say.</summary>
    static (string Directory, SettingsException? Faulty) DataDirectoryOf(string file)
    {
        var environment = Environment.GetEnvironmentVariables();
        try
        {
            return (SettingsReader.ReadDataDirectory(file, environment), null);
        }
        catch (SettingsException e)
        {
            return (SettingsReader.GuessDataDirectory(file, environment), e);
        }
    }

    static Command PairingCode(Option<string> config)
    {
        var site = new Option<Guid?>("--site") { Description = "The Halo GUID, where this Link serves several sites." };
        var json = new Option<bool>("--json") { Description = "For programs." };
        var command = new Command("pairing-code", "Makes a code by which one integrator may pair with a site of the running Link, once, within 24 hours.") { site, json };
        command.SetAction(async (parsed, stop) => await FaultyConfiguration.ExplainAsync(async () =>
        {
            var (directory, faulty) = DataDirectoryOf(parsed.GetRequiredValue(config));
            if (await StatusServer.AskPairingCodeAsync(directory, parsed.GetValue(site), stop) is not { } report)
            {
                if (faulty is not null)
                    throw faulty;
                await Console.Error.WriteLineAsync($"No Halo Link runs on {directory}, or it is not yours to ask: its owner and administrators can.");
                return NotRunning;
            }
            if (report.Code is null)
            {
                await Console.Error.WriteLineAsync(VisibleText.Of(report.Message));
                return NoCode;
            }
            Console.Write(parsed.GetValue(json)
                ? JsonSerializer.Serialize(report, StatusJson.Default.PairingReport) + Environment.NewLine
                : report.ToText());
            return 0;
        }));
        return command;
    }

    static Command Uninstall(Option<string> config)
    {
        var command = new Command("uninstall", "Stops the running Link and tells the API that its sites are gone. The data directory stays: a Link that is started on it again has them back.");
        command.SetAction(async (parsed, stop) => await FaultyConfiguration.ExplainAsync(() =>
            LinkUninstall.RunAsync(SettingsReader.Read(parsed.GetRequiredValue(config), Environment.GetEnvironmentVariables()), TimeProvider.System, stop)));
        return command;
    }
}
