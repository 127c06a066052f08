using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Link.Diagnosis;
using Halo.Link.Engines;
using Halo.Link.Installing.Windows;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Spectre.Console;

namespace Halo.Link.Configuring;

/// <summary><c>halo-link configure</c>: the one way to write the configuration file, for people and for scripts.</summary>
/// <param name="config">The option with the file's path.</param>
/// <param name="input">Where <c>-</c> reads from.</param>
/// <param name="console">Where questions are asked and it is said what became of them.</param>
sealed class ConfigureCommand(Option<string> config, TextReader input, IAnsiConsole console)
{
    const int Saved = 0, SavedWithProblems = 1;

    readonly Option<string?> _api = new("--api") { Description = "Address of the Halo API, as https://halo.example." };
    readonly Option<string?> _token = new("--enrolment-token") { Description = "From the API's operator; - reads it from standard input, so that no process list shows it." };
    readonly Option<string?> _proxy = new("--proxy") { Description = "Address of an HTTP proxy for everything that goes to the API." };
    readonly Option<string?> _engine = new("--engine") { Description = $"The practice's database: {string.Join(", ", EngineNames.All)}." };
    readonly Option<string?> _connection = new("--connection-string") { Description = "To the practice's database; - reads it from standard input." };
    readonly Option<string?> _software = new("--practice-management-name") { Description = "Name of the practice's software, as \"Best Practice\"." };
    readonly Option<string?> _siteId = new("--practice-management-site-id") { Description = "The id that the software's vendor gave the practice." };
    readonly Option<string?> _practice = new("--practice-name") { Description = "Name of the practice, for people." };
    readonly Option<string?> _policy = new("--policy") { Description = "What integrators may do: read, or write. A new site may only be read unless this says otherwise." };
    readonly Option<string?> _from = new("--from") { Description = "A JSON file with settings, in the form of the configuration file, which are merged into it; - reads it from standard input." };
    readonly Option<bool> _noCheck = new("--no-check") { Description = "Saves without trying the API and the database." };

    public Command Build()
    {
        var command = new Command("configure", "Writes the configuration file: what an option names, or what you answer where it has none. All else in the file stays as it is.")
        {
            _api, _token, _proxy, _engine, _connection, _software, _siteId, _practice, _policy, _from, _noCheck, Set(), Unset(), Show(),
        };
        command.SetAction((parsed, stop) => FaultyConfiguration.ExplainAsync(() =>
        {
            var file = ConfigurationFile.Open(parsed.GetRequiredValue(config), Environment.GetEnvironmentVariables());
            var told = AnswersOf(parsed);
            if (told == new Answers() && parsed.GetValue(_from) is null)
            {
                if (!console.Profile.Capabilities.Interactive)
                    throw Fault("configure", "nothing was said to change, and nobody is there to ask: see halo-link configure --help.");
                told = new Questions(console).Ask(file);
            }
            if (parsed.GetValue(_from) is { } from)
                SitePolicies.Merge(file.Document, ReadSettings(from), told.ApplyTo);
            else
                told.ApplyTo(file.Document);
            return SaveAsync(file, !parsed.GetValue(_noCheck), stop);
        }));
        return command;
    }

    Command Set()
    {
        var path = new Argument<string>("setting") { Description = "As lanes.async or sites[0].connectionString." };
        var value = new Argument<string>("value") { Description = "A number, true, false, a text, or JSON; - reads it from standard input." };
        var command = new Command("set", "Changes one setting.") { path, value, _noCheck };
        command.SetAction((parsed, stop) => FaultyConfiguration.ExplainAsync(() =>
        {
            var file = ConfigurationFile.Open(parsed.GetRequiredValue(config), Environment.GetEnvironmentVariables());
            var where = SettingsPath.Parse(parsed.GetRequiredValue(path));
            var text = FromInput(parsed.GetRequiredValue(value));
            var meant = ValueOf(text);
            var policies = new SitePolicies(file.Document);
            file.Document.Set(where, meant);
            // A site as a whole, or all of them: what its policy is the value may not say.
            if (where.Steps.Count <= 2 && string.Equals(where.Steps[0], "sites", StringComparison.OrdinalIgnoreCase))
                policies.Restore(file.Document);
            // A practice's id of digits alone is a text all the same.
            if (meant?.GetValueKind() is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False && file.Check(out var fresh) is null && fresh.Count > 0)
                file.Document.Set(where, text);
            return SaveAsync(file, !parsed.GetValue(_noCheck), stop);
        }));
        return command;
    }

    Command Unset()
    {
        var path = new Argument<string>("setting") { Description = "As proxy or sites[0].policy." };
        var command = new Command("unset", "Takes one setting out, with all that stands in it.") { path, _noCheck };
        command.SetAction((parsed, stop) => FaultyConfiguration.ExplainAsync(() =>
        {
            var file = ConfigurationFile.Open(parsed.GetRequiredValue(config), Environment.GetEnvironmentVariables());
            if (!file.Document.Remove(SettingsPath.Parse(parsed.GetRequiredValue(path))))
                throw Fault(parsed.GetRequiredValue(path), "is not in the file.");
            return SaveAsync(file, !parsed.GetValue(_noCheck), stop);
        }));
        return command;
    }

    Command Show()
    {
        var command = new Command("show", "Prints the settings of the file, passwords and tokens left out.");
        command.SetAction((parsed, _) => FaultyConfiguration.ExplainAsync(() =>
        {
            var file = ConfigurationFile.Open(parsed.GetRequiredValue(config), Environment.GetEnvironmentVariables());
            if (file.IsNew)
                throw Fault(file.FilePath, "does not exist yet: halo-link configure writes it.");
            console.Profile.Out.Writer.WriteLine(SettingsSecrets.Masked(file.Document.Settings));
            return Task.FromResult(Saved);
        }));
        return command;
    }

    Answers AnswersOf(ParseResult parsed)
    {
        var (token, connection) = (parsed.GetValue(_token), parsed.GetValue(_connection));
        if (new[] { token, connection, parsed.GetValue(_from) }.Count(v => v == "-") > 1)
            throw Fault("configure", "one option alone can read standard input: give the rest by --from.");
        var policy = parsed.GetValue(_policy);
        if (policy is not (null or Answers.Read or Answers.Write))
            throw Fault("--policy", $"must be {Answers.Read} or {Answers.Write}.");
        return new()
        {
            Api = parsed.GetValue(_api),
            EnrolmentToken = FromInput(token),
            ProxyAddress = parsed.GetValue(_proxy),
            Engine = parsed.GetValue(_engine),
            ConnectionString = FromInput(connection),
            PracticeManagementName = parsed.GetValue(_software),
            PracticeManagementSiteId = parsed.GetValue(_siteId),
            PracticeName = parsed.GetValue(_practice),
            Policy = policy,
        };
    }

    async Task<int> SaveAsync(ConfigurationFile file, bool check, CancellationToken stop)
    {
        var settings = file.Check(out var fresh);
        if (fresh.Count > 0)
            throw new SettingsException(fresh);
        file.Save();
        Say($"Saved {file.FilePath}.");
        if (settings is null)
        {
            Say("It still has the faults that it had before: halo-link doctor names them.");
            return FaultyConfiguration.ExitCode;
        }
        if (OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess && file.FilePath == DefaultPaths.ConfigurationFile && new ServicePaths("/").Apply(settings) is { } paths)
            Say(paths);
        if (OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess && file.FilePath == DefaultPaths.ConfigurationFile && ServiceStart.Begin() is { } started)
            Say(started);
        if (!check)
            return Saved;
        var report = await Doctor.ExamineAsync(settings, file.FilePath, TimeProvider.System, stop);
        console.Profile.Out.Writer.Write(report.ToText());
        return report.Healthy ? Saved : SavedWithProblems;
    }

    JsonObject ReadSettings(string from)
    {
        var (name, content) = from == "-" ? ("standard input", Encoding.UTF8.GetBytes(input.ReadToEnd())) : (from, new SettingsSource(from).Read());
        return SettingsText.Parse(name, content);
    }

    string? FromInput(string? value) => value == "-" ? input.ReadToEnd().Trim() : value;

    /// <summary>What is JSON counts as such: 4, true, ["reader"]. All else is a text.</summary>
    static JsonNode? ValueOf(string? text)
    {
        try
        {
            return JsonNode.Parse(text ?? "");
        }
        catch (JsonException)
        {
            return text;
        }
    }

    void Say(string words) => console.Profile.Out.Writer.WriteLine(words);

    static SettingsException Fault(string name, string what) => new([new(name, what)]);
}
