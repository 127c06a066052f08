using System.Globalization;

namespace Halo.Link.Updater;

/// <summary>Where things are and how long a trial is. Who starts the updater is root, and may say both.</summary>
sealed record UpdaterOptions
{
    public string Programs { get; init; } = "/opt/halo-link";

    public string Data { get; init; } = "/var/lib/halo-link";

    public string State { get; init; } = "/var/lib/halo-link-updater";

    public string Unit { get; init; } = "halo-link.service";

    /// <summary>A new version has so long to be as good as the old one was.</summary>
    public TimeSpan Gate { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>And has to stay so for so long.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Before the first further try where there was no verdict; it doubles, up to six hours.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A file of root keys in place of those that are built in; null: those.</summary>
    public string? Roots { get; init; }

    /// <returns>Null: there is something that is no option.</returns>
    public static UpdaterOptions? Parse(ReadOnlySpan<string> arguments)
    {
        var options = new UpdaterOptions();
        for (; arguments.Length > 0; arguments = arguments[2..])
        {
            if (arguments.Length < 2 || With(options, arguments[0], arguments[1]) is not { } next)
                return null;
            options = next;
        }
        return options;
    }

    static UpdaterOptions? With(UpdaterOptions options, string name, string value) => (name, Seconds(value)) switch
    {
        ("--programs", _) => options with { Programs = Path.GetFullPath(value) },
        ("--data", _) => options with { Data = Path.GetFullPath(value) },
        ("--state", _) => options with { State = Path.GetFullPath(value) },
        ("--unit", _) => options with { Unit = value },
        ("--roots", _) => options with { Roots = Path.GetFullPath(value) },
        ("--gate", { } seconds) => options with { Gate = seconds },
        ("--settle", { } seconds) => options with { Settle = seconds },
        ("--pause", { } seconds) => options with { Pause = seconds },
        _ => null,
    };

    static TimeSpan? Seconds(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : null;
}
