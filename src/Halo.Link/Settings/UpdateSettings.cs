using System.Globalization;

namespace Halo.Link.Settings;

/// <summary>Whether and when the Link updates itself.</summary>
sealed record UpdateSettings
{
    /// <summary>Whether it installs by itself what the operator of the API offers. Default true; with false a deployment tool or a person does.</summary>
    public bool Automatic { get; init; } = true;

    /// <summary>When it may switch, by this machine's local time. Default 22-5.</summary>
    public UpdateHours Hours { get; init; } = UpdateHours.Night;
}

/// <summary>Hours of the day, by local time, over midnight too.</summary>
/// <param name="From">0 to 23: from the beginning of this hour.</param>
/// <param name="To">1 to 24: to the beginning of this hour.</param>
sealed record UpdateHours(int From, int To)
{
    public static UpdateHours Night { get; } = new(22, 5);

    /// <returns>Null: it is not of the form <c>22-5</c>.</returns>
    public static UpdateHours? Parse(string text) =>
        text.Split('-') is [var from, var to] && Hour(from) is { } begin and <= 23 && Hour(to) is { } end and <= 24 && begin != end ? new(begin, end == 0 ? 24 : end) : null;

    public bool Contains(DateTimeOffset local) => From < To ? local.Hour >= From && local.Hour < To : local.Hour >= From || local.Hour < To;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{From}-{To}");

    static int? Hour(string text) => int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var hour) ? hour : null;
}
