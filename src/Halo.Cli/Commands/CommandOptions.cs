using System.CommandLine;
using System.Globalization;
using Halo.Client;
using Halo.Contracts.Queries;

namespace Halo.Cli.Commands;

/// <summary>What all commands with SQL share: the text, its parameters, how it is run.</summary>
sealed class CommandOptions
{
    readonly Argument<string?> _text = new("sql") { Description = "The SQL; - or nothing: it is read from standard input", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<FileInfo?> _file = new("--file", "-f") { Description = "Read the SQL from a file", HelpName = "FILE" };
    readonly Option<string[]> _parameters = new("--parameter", "-p")
    {
        Description = "A parameter, as -p name=value, or with the database's type -p id:Int=66; -p name without a value is NULL. The text calls it @name",
        HelpName = "NAME[:TYPE]=VALUE",
    };
    readonly Option<double?> _timeout = new("--timeout") { Description = "How long it may execute, in seconds", HelpName = "SECONDS" };
    readonly Option<string?> _catalogue = new("--catalogue") { Description = "One of the practice's databases; default: its default one", HelpName = "NAME" };
    readonly Option<string?> _tag = new("--tag") { Description = "A mark of your own that is kept with the query", HelpName = "TEXT" };
    readonly Option<string?> _key = new("--idempotency-key") { Description = "A repeat with the same key and command does not execute again but has the first one's answer", HelpName = "KEY" };

    public Command On(Command command)
    {
        command.Add(_text);
        foreach (var option in (Option[])[_file, _parameters, _timeout, _catalogue, _tag, _key])
            command.Add(option);
        return command;
    }

    public bool HasText(ParseResult parsed) => parsed.GetValue(_text) is not null || parsed.GetValue(_file) is not null;

    public bool HasParametersOrKey(ParseResult parsed) => parsed.GetValue(_parameters) is { Length: > 0 } || parsed.GetValue(_key) is not null;

    public bool HasTimeout(ParseResult parsed) => parsed.GetValue(_timeout) is not null;

    /// <summary>A number of seconds from the command line.</summary>
    /// <exception cref="UsageException">It is no time, or longer than the service has numbers for.</exception>
    public static TimeSpan? TimeoutOf(double? seconds) => seconds switch
    {
        null => null,
        > 0 and <= int.MaxValue / 1000 => TimeSpan.FromSeconds(seconds.Value),
        _ => throw new UsageException($"--timeout must be a number of seconds above 0, at most {int.MaxValue / 1000}."),
    };

    public async Task<HaloCommand> ReadAsync(ParseResult parsed, CancellationToken stop)
    {
        var text = parsed.GetValue(_text);
        if (parsed.GetValue(_file) is { } file)
            text = text is null ? await File.ReadAllTextAsync(file.FullName, stop) : throw new UsageException("Give the SQL once: as an argument or by --file.");
        else if (text is null or "-")
        {
            if (text is null && !Console.IsInputRedirected)
                throw new UsageException("The SQL is missing. Give it as an argument, by --file, or on standard input: halo query \"SELECT 1\"");
            if (Connection.TakesKeyFromInput(parsed))
                throw new UsageException("Standard input cannot hold the key and the SQL: give one of them otherwise.");
            text = await Console.In.ReadToEndAsync(stop);
        }
        if (string.IsNullOrWhiteSpace(text))
            throw new UsageException("The SQL is empty.");
        return (parsed.GetValue(_parameters) ?? []).Aggregate(HaloCommand.Text(text), Add);
    }

    public HaloQueryOptions OptionsOf(ParseResult parsed) => new()
    {
        Timeout = TimeoutOf(parsed.GetValue(_timeout)),
        Catalogue = parsed.GetValue(_catalogue),
        Tag = parsed.GetValue(_tag),
        IdempotencyKey = parsed.GetValue(_key),
    };

    static HaloCommand Add(HaloCommand command, string parameter)
    {
        var equals = parameter.IndexOf('=', StringComparison.Ordinal);
        var (name, value) = equals < 0 ? (parameter, null) : (parameter[..equals], parameter[(equals + 1)..]);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        SqlType? type = null;
        if (colon >= 0)
        {
            type = Enum.TryParse<SqlType>(name[(colon + 1)..], ignoreCase: true, out var known) && !int.TryParse(name[(colon + 1)..], NumberStyles.Integer, CultureInfo.InvariantCulture, out _)
                ? known
                : throw new UsageException($"{name[(colon + 1)..]} is not a type of a parameter. There are {string.Join(", ", Enum.GetNames<SqlType>())}.");
            name = name[..colon];
        }
        return name.TrimStart('@').Length > 0 ? command.With(name, new HaloParameter(value, type)) : throw new UsageException("A parameter is written as -p name=value.");
    }
}
