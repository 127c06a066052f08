using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Admin;
using Halo.Contracts.Sites;
using Halo.Line.Logging;
using Halo.Link.Session;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.Link.Updating;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Status;

/// <summary>What <c>halo-link status</c> shows of the running Link.</summary>
/// <param name="Version"><c>YY.Mdd.build</c>.</param>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="RunId">This start of the process.</param>
/// <param name="Api">The API's address.</param>
/// <param name="Connected">Whether a session is open.</param>
/// <param name="Since">Since when it is, or is not.</param>
/// <param name="UptimeSeconds">Since the start of the process.</param>
/// <param name="Sites">Every site that is configured.</param>
/// <param name="Work">What it is doing.</param>
sealed record StatusReport(
    string Version,
    Guid LinkId,
    Guid RunId,
    string Api,
    bool Connected,
    DateTimeOffset Since,
    long UptimeSeconds,
    IReadOnlyList<SiteReport> Sites,
    QueueLengths Work)
{
    public ErrorReport? LastError { get; init; }

    /// <summary>What somebody at the practice should put right, though everything works.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>How its settings stand.</summary>
    public SettingsStatus? Settings { get; init; }

    /// <summary>The update that is under way and the last one; null: no updater has been here.</summary>
    public UpdateReport? Update { get; init; }

    /// <summary>Where it is on its way to another version that the API wants; null: it runs that one, or has no updater.</summary>
    public OfferedVersion? Offered { get; init; }

    /// <summary>For people. What the API and the databases say cannot break out of its line.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        foreach (var line in Lines())
            text.AppendLine(VisibleText.Of(line));
        return text.ToString();
    }

    IEnumerable<string> Lines()
    {
        yield return Line($"Halo Link {Version} ({LinkId}), up {TimeSpan.FromSeconds(UptimeSeconds):c}");
        yield return Line($"{(Connected ? "connected to" : "NOT connected to")} {Api} since {Since:u}");
        if (LastError is { } error)
            yield return Line($"{(Connected ? "last error before that" : "last error")}, {error.At:u}: {error.Message}");
        yield return Line($"work: {Work.ImmediateRunning} immediate running, {Work.ImmediateWaiting} waiting; {Work.AsyncRunning} async running, {Work.Uploading} uploading");
        foreach (var line in Settings is { } settings ? LinesOf(settings) : [])
            yield return line;
        if (Offered is { } offered)
            yield return Line($"version {offered.Version} is offered: {offered.Stage}{(offered.Reason is { } reason ? $" ({reason})" : "")}");
        foreach (var line in Update?.Lines() ?? [])
            yield return line;
        foreach (var warning in Warnings)
            yield return Line($"warning: {warning}");
        foreach (var line in Sites.SelectMany(s => s.Lines()))
            yield return line;
    }

    static IEnumerable<string> LinesOf(SettingsStatus settings)
    {
        foreach (var fault in settings.Faults ?? [])
            yield return Line($"configuration file is faulty, the one before is in force: {fault}");
        if (settings.NeedsRestart.Count > 0)
            yield return Line($"changed and not in force before a restart: {string.Join(", ", settings.NeedsRestart)}");
        if (settings.RemoteVersion > 0)
            yield return Line($"remote configuration {settings.RemoteVersion} in force");
        foreach (var refused in settings.Refused)
            yield return Line($"remote setting {refused.Setting}{(refused.SiteId is { } site ? $" of site {site}" : "")} not followed: {refused.Reason}");
    }

    static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One site of the running Link.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Engine">As configured.</param>
/// <param name="Announced">False: its PMS ID could not be read yet.</param>
sealed record SiteReport(Guid SiteId, string Engine, bool Announced)
{
    public string? Practice { get; init; }

    /// <summary>Whether integrators may query it; null: the API has not said.</summary>
    public bool? Authoritative { get; init; }

    public bool? Confirmed { get; init; }

    /// <summary>The API's words: why, and what to do.</summary>
    public string? Message { get; init; }

    /// <summary>Why the last reading of what the database says of the practice failed, by the setting's name; null: it did not, or nothing is to be read.</summary>
    public string? Unread { get; init; }

    public required DatabaseHealth Database { get; init; }

    /// <summary>How its database is protected from queries now, remote configuration included, by the names of the settings.</summary>
    public string? Protection { get; init; }

    /// <summary>What cannot be connected to, why, and what to do; null: everything can.</summary>
    public IReadOnlyList<string>? DatabaseFaults { get; init; }

    public IEnumerable<string> Lines()
    {
        var authority = !Announced ? "not announced: its practice's id or name could not be read from the database yet"
            : Authoritative switch { true => "authoritative", false => "not authoritative", null => "the API has not said yet" };
        var words = string.IsNullOrWhiteSpace(Message) ? "" : $" ({Message})";
        var unread = Unread is null ? "" : $"; could not be read: {Unread}";
        yield return $"site {SiteId} {Practice ?? "?"} [{Engine}]: {authority}{words}; database {Database.Status.ToString().ToLowerInvariant()}{unread}";
        foreach (var fault in DatabaseFaults ?? [])
            yield return $"  {fault}";
        if (Protection is not null)
            yield return $"  protected: {Protection}";
    }
}

/// <summary>JSON of <c>halo-link status</c> and <c>halo-link pairing-code</c>.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(PairingReport))]
[JsonSerializable(typeof(UpdateAnswer))]
sealed partial class StatusJson : JsonSerializerContext;
