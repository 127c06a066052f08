using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Halo.Contracts.Json;

namespace Halo.LinkProtocol.Messages;

/// <summary>The system and processor for which a Link was built, in the words of release manifests.</summary>
/// <param name="System"><c>linux</c> or <c>windows</c>.</param>
/// <param name="Architecture"><c>x64</c> or <c>arm64</c>.</param>
public sealed record LinkPlatform(string System, string Architecture);

/// <summary>Which version the API wants a Link to run: in <see cref="Welcome"/>, when it changes, and as the answer to <c>GET /link/v1/update</c>.</summary>
public sealed partial record UpdateTarget
{
    /// <summary><c>YY.Mdd.build</c>; null: what runs is right, and what was told before does not count any more.</summary>
    public string? Version { get; init; }

    /// <summary>SHA-256 of the bundle, 64 lower-case hexadecimal digits; with <see cref="Version"/>.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Bytes of the bundle.</summary>
    public long Length { get; init; }

    /// <summary>The API's clock, by which the updater judges what has expired.</summary>
    public DateTimeOffset? Now { get; init; }

    /// <summary>The answer to a Link that asks for its turn: others go first, so that what is wrong with a release shows at few.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool NotYet { get; init; }

    /// <summary>Bytes of the largest bundle.</summary>
    public const long LongestBundle = 1L << 30;

    /// <summary>Whether it is what a Link can go by. The digest names a file, so it is nothing but a digest.</summary>
    [JsonIgnore]
    public bool IsSound => Version is null || VersionForm().IsMatch(Version) && Sha256 is { } digest && DigestForm().IsMatch(digest) && Length is > 0 and <= LongestBundle;

    [GeneratedRegex(@"\A[0-9]{1,4}\.[0-9]{1,5}\.[0-9]{1,9}\z")]
    private static partial Regex VersionForm();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex DigestForm();

    /// <summary>Whether it asks for the same as another, whenever that was said.</summary>
    public bool IsSame(UpdateTarget? other) => other is not null && (Version, Sha256) == (other.Version, other.Sha256);
}

/// <summary>How a Link stands with updates: in each <see cref="Heartbeat"/> of a Link that has an updater.</summary>
/// <param name="Stage">Where it is.</param>
public sealed record UpdateStatus(UpdateStage Stage)
{
    /// <summary>The version that it is on the way to; null: none.</summary>
    public string? Version { get; init; }

    /// <summary>For people: what it waits for, or why it does not go on.</summary>
    public string? Reason { get; init; }

    /// <summary>How the last update ended; null: there was none.</summary>
    public UpdateEnd? Last { get; init; }
}

/// <summary>How an update ended.</summary>
/// <param name="Outcome">How.</param>
/// <param name="Message">For people, with the reason.</param>
/// <param name="At">By the Link's clock: it tells one end from another, and is not compared with the API's time.</param>
public sealed record UpdateEnd(UpdateOutcome Outcome, string Message, DateTimeOffset At)
{
    /// <summary>The version before; null: not known.</summary>
    public string? From { get; init; }

    /// <summary>The version that was to run; null: not known.</summary>
    public string? To { get; init; }
}

/// <summary>Where a Link is on its way to another version.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<UpdateStage>))]
public enum UpdateStage
{
    /// <summary>A newer Link's word; never sent.</summary>
    Unknown,

    /// <summary>It runs what it should.</summary>
    Current,

    /// <summary>The practice does not let it update by itself.</summary>
    Off,

    /// <summary>The bundle is on its way.</summary>
    Downloading,

    /// <summary>The bundle is there; it waits for the practice's hours, or for running work to end.</summary>
    Waiting,

    /// <summary>Handed to the updater.</summary>
    Installing,

    /// <summary>The new version runs and has to be as good as the old one was.</summary>
    Trial,

    /// <summary>There is no verdict yet; the old version runs, and the new one is tried again.</summary>
    Undecided,

    /// <summary>It was tried here, or refused, and is not tried again by itself.</summary>
    Failed,
}

/// <summary>How an update ended, in the updater's words.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<UpdateOutcome>))]
public enum UpdateOutcome
{
    /// <summary>A newer Link's word; never sent.</summary>
    Unknown,

    /// <summary>It runs and was found good.</summary>
    Installed,

    /// <summary>It ran, was no good, and the version before runs again.</summary>
    RolledBack,

    /// <summary>The updater did not take it; nothing changed.</summary>
    Refused,

    /// <summary>It could not be done, as where the disk is full; nothing changed.</summary>
    Failed,
}
