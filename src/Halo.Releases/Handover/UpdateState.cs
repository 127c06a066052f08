using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halo.Releases.Handover;

/// <summary>The updater's state, <c>update.json</c>: written by it alone, read by the agent and by people.</summary>
sealed record UpdateState
{
    public const string FileName = "update.json";
    public const int Longest = 256 << 10;

    /// <summary>What is under way; null: nothing.</summary>
    public PendingUpdate? Pending { get; init; }

    /// <summary>How the last one ended; null: there was none.</summary>
    public UpdateResult? Last { get; init; }

    /// <summary>Versions that were good here, the latest first. Two are kept.</summary>
    public IReadOnlyList<string> Good { get; init; } = [];

    /// <summary>Versions that were tried here and were no good: they are not tried again unless a person asks.</summary>
    public IReadOnlyList<RefusedVersion> Refused { get; init; } = [];

    /// <summary>The highest security floor of all releases that were installed here.</summary>
    public string? SecurityFloor { get; init; }

    /// <summary>The floors that releases which are here bring once they are installed.</summary>
    public IReadOnlyList<VersionFloor> Floors { get; init; } = [];

    /// <summary>When the newest release that was seen here was made: no clock that says an earlier time is right.</summary>
    public DateTimeOffset? NewestCreated { get; init; }

    /// <summary>Where the updater keeps it, seen from the agent's data directory: beside that, so that the agent cannot write there.</summary>
    public static string DirectoryBeside(string dataDirectory) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataDirectory)) + "-updater";

    /// <summary>Reads it for showing.</summary>
    /// <returns>Null: there is none, or it cannot be read.</returns>
    public static UpdateState? Find(string directory)
    {
        try
        {
            using var file = new FileStream(Path.Combine(directory, FileName), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return file.Length > Longest ? null : Parse(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Reads it. What an earlier version did not write is empty; everything that names a directory is checked, wherever it comes from.</summary>
    /// <exception cref="JsonException">It is damaged.</exception>
    public static UpdateState Parse(Stream json)
    {
        var read = JsonSerializer.Deserialize(json, UpdateStateJson.Default.UpdateState) ?? throw new JsonException();
        // The serializer gives null for a list that is missing, whatever the property begins with.
        var state = read with
        {
            Good = read.Good ?? [],
            Refused = read.Refused ?? [],
            Floors = read.Floors ?? [],
            Pending = read.Pending is { } p ? p with { Before = Whole(p.Before), Seen = Whole(p.Seen) } : null,
        };
        if (state.Refused.Any(r => r is null) || state.Floors.Any(f => f is null))
            throw new JsonException();
        var versions = state.Good.Concat(state.Refused.Select(r => r.Version)).Concat(state.Floors.Select(f => f.Version)).Concat(state.Pending is { } pending ? [pending.From, pending.To] : []);
        return versions.All(v => CalendarVersion.TryParse(v, out _)) ? state : throw new JsonException();

        static AgentHealth Whole(AgentHealth? health) => health is { Healthy: { } healthy } && healthy.All(h => h is not null) ? health : AgentHealth.None;
    }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, UpdateStateJson.Default.UpdateState);

    /// <summary>One line on what is under way and one on how the last one ended, for people.</summary>
    public IEnumerable<string> Lines()
    {
        if (Pending is { } pending)
            yield return $"update from {pending.From} to {pending.To}: {pending.Describe()}";
        if (Last is { } last)
            yield return $"last update, {last.At:u}: {last.Message}";
    }
}

/// <summary>An update that is under way.</summary>
/// <param name="Id">Of the request.</param>
/// <param name="From">The version that ran and was good.</param>
/// <param name="To">The version that is to run.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="Since">Since when.</param>
sealed record PendingUpdate(Guid Id, string From, string To, UpdatePhase Phase, DateTimeOffset Since)
{
    /// <summary>What the version that ran had: the new one has to have it too.</summary>
    public AgentHealth Before { get; init; } = AgentHealth.None;

    /// <summary>What the new version had at the end of its trial.</summary>
    public AgentHealth Seen { get; init; } = AgentHealth.None;

    /// <summary>Why it goes back, or waits.</summary>
    public string? Reason { get; init; }

    /// <summary>How often the new version was tried without a verdict.</summary>
    public int Trials { get; init; }

    /// <summary>How often this phase was begun again, after a power loss or an end of the updater.</summary>
    public int Resumed { get; init; }

    /// <summary>Whether a person went back: the version that ran is then refused.</summary>
    public bool IsRollback { get; init; }

    public string Describe() => Phase switch
    {
        UpdatePhase.Staged => "unpacked, the switch is next",
        UpdatePhase.Trial => $"on trial since {Since:u}",
        UpdatePhase.Probe => $"no verdict yet ({Reason}); {From} runs meanwhile and shows whether it can do what {To} could not",
        UpdatePhase.Waiting => $"no verdict yet ({Reason}); {From} runs, and {To} is tried again later",
        UpdatePhase.Back => $"going back ({Reason})",
        _ => Phase.ToString(),
    };
}

/// <summary>How far an update is. Written before what it names is done, so that whoever finds it does it again.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<UpdatePhase>))]
enum UpdatePhase
{
    /// <summary>The new version is unpacked, whole and synced; the old one runs.</summary>
    [JsonStringEnumMemberName("staged")]
    Staged,

    /// <summary>The new version runs and has to be as good as the old one was.</summary>
    [JsonStringEnumMemberName("trial")]
    Trial,

    /// <summary>The new one was not; the old one runs and shows whether that was the new one's fault.</summary>
    [JsonStringEnumMemberName("probe")]
    Probe,

    /// <summary>It was not to be told; the old one runs, and the new one is tried again.</summary>
    [JsonStringEnumMemberName("waiting")]
    Waiting,

    /// <summary>The new one is bad: the old one is put back.</summary>
    [JsonStringEnumMemberName("back")]
    Back,
}

/// <summary>How an update ended.</summary>
/// <param name="Id">Of the request.</param>
/// <param name="Outcome">How.</param>
/// <param name="Message">One or two sentences for people, with the reason.</param>
/// <param name="At">When.</param>
sealed record UpdateResult(Guid Id, UpdateOutcome Outcome, string Message, DateTimeOffset At)
{
    /// <summary>The version that ran before; null: it is not known.</summary>
    public string? From { get; init; }

    /// <summary>The version that was to run; null: it is not known.</summary>
    public string? To { get; init; }
}

[JsonConverter(typeof(JsonStringEnumConverter<UpdateOutcome>))]
enum UpdateOutcome
{
    /// <summary>It runs and was found good.</summary>
    [JsonStringEnumMemberName("installed")]
    Installed,

    /// <summary>It ran, was no good, and the version before runs again.</summary>
    [JsonStringEnumMemberName("rolledBack")]
    RolledBack,

    /// <summary>It was not taken; nothing changed.</summary>
    [JsonStringEnumMemberName("refused")]
    Refused,

    /// <summary>It could not be done, as where the disk is full; nothing changed.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}

/// <summary>A version that was no good here.</summary>
sealed record RefusedVersion(string Version, string Reason, DateTimeOffset At);

/// <summary>The security floor that a release brings.</summary>
sealed record VersionFloor(string Version, string Floor);

/// <summary>What a running Link has: the session, and the databases that answer.</summary>
/// <param name="Connected">Whether the API has accepted its session.</param>
/// <param name="Healthy">Ids of the sites whose databases answer.</param>
sealed record AgentHealth(bool Connected, IReadOnlyList<string> Healthy)
{
    public static AgentHealth None { get; } = new(false, []);

    /// <summary>Whether everything that the other has is there.</summary>
    public bool Covers(AgentHealth other) => (Connected || !other.Connected) && other.Healthy.All(Healthy.Contains);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, MaxDepth = 16, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UpdateState))]
sealed partial class UpdateStateJson : JsonSerializerContext;
