using System.Globalization;
using System.Text.Json;

namespace Halo.LinkProtocol;

/// <summary>A setting that an operator may give to Links from afar: a whole number in a range, or one of a few words.</summary>
/// <param name="Name">As it stands in JSON.</param>
/// <param name="PerSite">Whether sites of one Link may differ in it; otherwise it holds for the Link as a whole.</param>
/// <param name="Least">Least value; of words: 0.</param>
/// <param name="Most">Largest value; of words: 0.</param>
public sealed record RemoteSetting(string Name, bool PerSite, int Least, int Most)
{
    /// <summary>Where the value is a word: the words, the most talkative first.</summary>
    public IReadOnlyList<string>? Words { get; init; }

    /// <summary>Its value as a number; a word's is its place. Null where it is none of the setting's.</summary>
    public int? Read(JsonElement value)
    {
        if (Words is { } words)
        {
            var place = value.ValueKind == JsonValueKind.String ? words.ToList().IndexOf(value.GetString()!) : -1;
            return place >= 0 ? place : null;
        }
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= Least && number <= Most ? number : null;
    }

    /// <summary>What its values are, as the end of a sentence.</summary>
    public string Range => Words is { } words
        ? $"must be one of {string.Join(", ", words)}."
        : string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {Least} to {Most}.");
}

/// <summary>Every setting that can be given from afar. Each end checks values by it; a Link also by what its practice set.</summary>
public static class RemoteSettings
{
    /// <summary>Immediate queries at once in a site's database.</summary>
    public static readonly RemoteSetting ImmediateLanes = new("immediateLanes", true, 1, 64);

    /// <summary>Execution limit of immediate queries, in milliseconds; where it is above the API's own it changes nothing.</summary>
    public static readonly RemoteSetting ImmediateExecutionMs = new("immediateExecutionMs", true, 100, 600_000);

    /// <summary>Execution limit of async queries, in milliseconds; where it is above the API's own it changes nothing.</summary>
    public static readonly RemoteSetting AsyncExecutionMs = new("asyncExecutionMs", true, 100, 86_400_000);

    /// <summary>Execution limit of a command that names no <c>timeout</c>, in milliseconds, within the others.</summary>
    public static readonly RemoteSetting CommandTimeoutMs = new("commandTimeoutMs", true, 100, 86_400_000);

    /// <summary>How long a reader waits for a lock, in milliseconds; where it is above the practice's own it changes nothing.</summary>
    public static readonly RemoteSetting LockTimeoutMs = new("lockTimeoutMs", true, 1, 600_000);

    /// <summary>How long one of the practice's own sessions may wait for a lock of the Link's, in milliseconds; likewise.</summary>
    public static readonly RemoteSetting BlockingGuardMs = new("blockingGuardMs", true, 100, 600_000);

    /// <summary>How long a statement waits for a caller who takes no rows, in milliseconds; likewise.</summary>
    public static readonly RemoteSetting SlowReaderMs = new("slowReaderMs", true, 1000, 600_000);

    /// <summary>Async queries executing at once, over all sites of a Link.</summary>
    public static readonly RemoteSetting AsyncLanes = new("asyncLanes", false, 1, 16);

    /// <summary>Pages on their way at once.</summary>
    public static readonly RemoteSetting Uploads = new("uploads", false, 1, 8);

    /// <summary>Seconds between two heartbeats.</summary>
    public static readonly RemoteSetting HeartbeatSeconds = new("heartbeatSeconds", false, 1, 300);

    /// <summary>The least that a Link logs. It cannot be made silent from afar: its log is the practice's.</summary>
    public static readonly RemoteSetting LogLevel = new("logLevel", false, 0, 0) { Words = ["trace", "debug", "information", "warning"] };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RemoteSetting> All { get; } =
        [ImmediateLanes, ImmediateExecutionMs, AsyncExecutionMs, CommandTimeoutMs, LockTimeoutMs, BlockingGuardMs, SlowReaderMs, AsyncLanes, Uploads, HeartbeatSeconds, LogLevel];

    /// <summary>One by its name; null where this version knows none such.</summary>
    public static RemoteSetting? Find(string name) => All.FirstOrDefault(s => s.Name == name);
}
