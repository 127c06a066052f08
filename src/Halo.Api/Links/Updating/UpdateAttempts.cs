using System.Collections.Concurrent;
using System.Globalization;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol.Messages;
using Halo.Releases;

namespace Halo.Api.Links.Updating;

/// <summary>What became of each release at each Link; and a release that fails at too many stops by itself.</summary>
sealed partial class UpdateAttempts(
    Database database, LinkDirectory links, LinkRollouts rollouts, ReleaseRegistry releases, LinkUpdates updates, ILinkGateway gateway, ApiOptions options, TimeProvider time,
    ILogger<UpdateAttempts> log) : IDisposable
{
    const int LongestMessage = 500;

    /// <summary>One that is undecided for longer, as where the API cannot be reached from it, keeps nobody else back.</summary>
    static readonly TimeSpan LongestUnderWay = TimeSpan.FromHours(1);

    static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(5);

    /// <summary>What a Link says may have left it before it was let go.</summary>
    static readonly TimeSpan SaysSoWithin = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<string, ConcurrentDictionary<Guid, UpdateAttempt>> _byVersion = new();
    readonly ConcurrentDictionary<string, bool> _stopping = new();
    readonly CancellationTokenSource _end = new();
    readonly Lock _lock = new();
    DateTimeOffset _started;
    ITimer? _silence;
    bool _isDue;

    /// <summary>Reads all, at start. Silence counts from here: before, the service itself may not have been there to hear.</summary>
    public async Task LoadAsync()
    {
        _started = time.GetUtcNow();
        foreach (var attempt in await database.ReadAsync(
            r => new UpdateAttempt(r.GetGuid(0), r.GetString(1), ReleaseWords.ReadRing(r.GetString(2)) ?? Ring.All, Enum.Parse<AttemptState>(r.GetString(3), ignoreCase: true), r.StringOrNull(4), r.Time(5)),
            "SELECT link_id, version, ring, state, message, at FROM update_attempts"))
            Keep(attempt);
        _silence = time.CreateTimer(_ => LookForSilent(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (All.Any(a => a.State == AttemptState.Updating))
            Arm(options.Updates.SilentAfter);
    }

    /// <summary>What became of a release at a Link; null: nothing yet.</summary>
    public UpdateAttempt? Find(Guid linkId, string version) => _byVersion.GetValueOrDefault(version)?.GetValueOrDefault(linkId);

    /// <summary>The newest word on any release at a Link; null: none.</summary>
    public UpdateAttempt? LastOf(Guid linkId) => releases.Unordered.Select(r => Find(linkId, r.Version)).OfType<UpdateAttempt>().MaxBy(a => a.At);

    /// <summary>How a release goes, by ring.</summary>
    public IReadOnlyList<RingProgress> ProgressOf(string version)
    {
        var rings = Of(version).ToLookup(a => a.Ring);
        return [.. Enum.GetValues<Ring>().Select(r => new RingProgress(r.Word(), rings[r].Count(a => a.State == AttemptState.Updating),
            rings[r].Count(a => a.State == AttemptState.Installed), rings[r].Count(a => a.State is not (AttemptState.Updating or AttemptState.Installed))))];
    }

    /// <summary>Whether one more Link of a ring may go to a release: few enough are under way, and it is not about to stop.</summary>
    /// <param name="except">Who asks.</param>
    /// <param name="places">So many others are let go, and have not begun.</param>
    public bool MayGo(string version, Ring ring, Guid except, int places)
    {
        var (underWay, good, since) = (places, 0, time.GetUtcNow() - LongestUnderWay);
        foreach (var attempt in Of(version))
        {
            if (attempt.Ring != ring || attempt.LinkId == except)
                continue;
            if (attempt.State == AttemptState.Installed)
                good++;
            else if (attempt.State == AttemptState.Updating && attempt.At > since)
                underWay++;
        }
        // In this order: one that fails meanwhile was counted above as under way, or is below as failed. And while the store is away, what has to stop is still offered.
        return RolloutRules.MayGo(underWay, good) && !_stopping.ContainsKey(version) && WhyStop(version, ring) is null && releases.Find(version) is { Status: ReleaseStatus.Active };
    }

    /// <summary>A Link is about to hand a release to its updater. Known before it does: one that is never heard of again counts too.</summary>
    public void Begin(Guid linkId, string version) => Note(linkId, version, rollouts.Of(linkId).Ring, AttemptState.Updating, null, begins: true);

    /// <summary>A release was removed.</summary>
    public void Forget(string version) => _byVersion.TryRemove(version, out _);

    /// <summary>A Link says how it stands.</summary>
    public void Heard(Guid linkId, UpdateStatus? status)
    {
        var ring = rollouts.Of(linkId).Ring;
        if (status is { Stage: UpdateStage.Installing or UpdateStage.Trial or UpdateStage.Undecided, Version: { } version })
        {
            Note(linkId, version, ring, AttemptState.Updating, null);
            return;
        }
        if (status?.Last is { To: { } to } last && StateOf(last) is { } state)
            Note(linkId, to, ring, state, last.Message);
        if (status is null)
            return;
        // It was let go and is about something else: its updater never had the release, and that it is not heard of later says nothing of that.
        var since = time.GetUtcNow() - SaysSoWithin;
        foreach (var attempt in releases.All.Select(r => Find(linkId, r.Version)).OfType<UpdateAttempt>().Where(a => a.State == AttemptState.Updating && a.At < since).ToList())
            Note(linkId, attempt.Version, attempt.Ring, AttemptState.Failed, "It was let go, and did not hand the release to its updater.");
    }

    public void Dispose()
    {
        _end.Cancel();
        _silence?.Dispose();
        _end.Dispose();
    }

    static AttemptState? StateOf(UpdateEnd end) => end.Outcome switch
    {
        UpdateOutcome.Installed => AttemptState.Installed,
        UpdateOutcome.RolledBack => AttemptState.RolledBack,
        // It has not kept that version, or must not go back to it: what is wrong is with the one that it was to leave.
        UpdateOutcome.Refused when CalendarVersion.TryParse(end.From, out var from) && CalendarVersion.TryParse(end.To, out var to) && to <= from => AttemptState.Failed,
        UpdateOutcome.Refused => AttemptState.Refused,
        UpdateOutcome.Failed => AttemptState.Failed,
        _ => null,
    };

    IEnumerable<UpdateAttempt> All => _byVersion.Keys.SelectMany(Of);

    /// <summary>Not a snapshot: no lock is taken for it.</summary>
    IEnumerable<UpdateAttempt> Of(string version) => _byVersion.GetValueOrDefault(version)?.Select(a => a.Value) ?? [];

    void Keep(UpdateAttempt attempt) => _byVersion.GetOrAdd(attempt.Version, _ => new())[attempt.LinkId] = attempt;

    /// <summary>At once in memory, with the next group commit in the store. What is no release of this service's is nobody's business here.</summary>
    void Note(Guid linkId, string version, Ring ring, AttemptState state, string? message, bool begins = false)
    {
        message = message is { Length: > LongestMessage } ? message[..LongestMessage] : message;
        // One that begins again after so long that it kept nobody back any more is under way anew.
        if (releases.Find(version) is null || Find(linkId, version) is { } before && (before.State, before.Message) == (state, message)
            && !(begins && before.At <= time.GetUtcNow() - LongestUnderWay))
            return;
        var attempt = new UpdateAttempt(linkId, version, ring, state, message, time.GetUtcNow());
        Keep(attempt);
        database.CommitLater(("update_attempts", linkId, version), new(
            """
            INSERT INTO update_attempts (link_id, version, ring, state, message, at) VALUES (@link, @version, @ring, @state, @message, @at)
            ON CONFLICT (link_id, version) DO UPDATE SET ring = excluded.ring, state = excluded.state, message = excluded.message, at = excluded.at
            """,
            ("link", linkId), ("version", version), ("ring", ring.Word()), ("state", state.Word()), ("message", message), ("at", attempt.At.Ms())));
        if (state == AttemptState.Updating)
            Arm(options.Updates.SilentAfter);
        else
            LogEnded(linkId, version, state.Word(), message ?? "");
        Judge(version, ring);
    }

    void Judge(string version, Ring ring)
    {
        if (WhyStop(version, ring) is { } reason && _stopping.TryAdd(version, true))
            _ = Task.Run(() => StopAsync(version, reason));
    }

    /// <summary>Why a release has to stop, as a ring shows; null: it has not.</summary>
    string? WhyStop(string version, Ring ring)
    {
        if (releases.Find(version) is not { Status: ReleaseStatus.Active } release)
            return null;
        // A failure counts where the service offers the release, since it was last resumed: what a Link was given by hand, or only says, stops it for nobody else.
        var counted = Of(version).Where(a => a.Ring == ring && (a.State == AttemptState.Installed
            || a.At >= release.CountedFrom && RolloutRules.IsOffered(release, rollouts.Of(a.LinkId) with { Ring = ring }))).ToList();
        if (!RolloutRules.IsTooBad(counted, rollouts.CountIn(ring), options.Updates.FailurePercent))
            return null;
        var bad = counted.Count(a => a.State is AttemptState.RolledBack or AttemptState.Refused or AttemptState.Silent);
        return string.Create(CultureInfo.InvariantCulture, $"{bad} of the {bad + counted.Count(a => a.State == AttemptState.Installed)} Links of the ring {ring.Word()} that have finished with it failed.");
    }

    /// <summary>Until the store has it: a bad release must not go on because the store was away for a moment.</summary>
    async Task StopAsync(string version, string reason)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await releases.StopAsync(version, reason);
                LogStopped(version, reason);
                break;
            }
            catch (Exception e) when (StorageException.Means(e))
            {
                await Task.Delay(AskAgainAfter, time, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        _stopping.TryRemove(version, out _);
        updates.TellAll();
    }

    void LookForSilent()
    {
        lock (_lock)
            _isDue = false;
        TimeSpan? next = null;
        var now = time.GetUtcNow();
        foreach (var attempt in All.Where(a => a.State == AttemptState.Updating).ToList())
        {
            var heard = gateway.Find(attempt.LinkId) is not null ? now : links.Find(attempt.LinkId)?.LastHeardAt ?? attempt.At;
            var since = new[] { heard, attempt.At, _started }.Max();
            var left = since + options.Updates.SilentAfter - now;
            if (left <= TimeSpan.Zero)
                Note(attempt.LinkId, attempt.Version, attempt.Ring, AttemptState.Silent, string.Create(CultureInfo.InvariantCulture, $"Not heard of since {heard:u}, after it was handed to the updater."));
            else
                next = next is { } sooner && sooner < left ? sooner : left;
        }
        if (next is { } wait)
            Arm(wait);
    }

    void Arm(TimeSpan wait)
    {
        lock (_lock)
        {
            if (_isDue)
                return;
            _isDue = true;
        }
        _silence?.Change(wait, Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(1150, LogLevel.Information, "Update of Link {LinkId} to version {Version}: {State}. {Message}")]
    partial void LogEnded(Guid linkId, string version, string state, string message);

    [LoggerMessage(1151, LogLevel.Error, "Release {Version} was stopped by itself: {Reason} Resume it once you know why, or withdraw it (docs/operations.md).")]
    partial void LogStopped(string version, string reason);
}
