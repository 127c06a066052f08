using System.Collections.Concurrent;
using System.Globalization;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Updating;

/// <summary>What became of each release at each Link; and a release that fails at too many stops by itself.</summary>
sealed partial class UpdateAttempts(
    Database database, LinkDirectory links, LinkRollouts rollouts, ReleaseRegistry releases, LinkUpdates updates, ILinkGateway gateway, ApiOptions options, TimeProvider time,
    ILogger<UpdateAttempts> log) : IDisposable
{
    const int LongestMessage = 500;
    static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<(Guid LinkId, string Version), UpdateAttempt> _all = new();
    readonly ConcurrentDictionary<string, Task> _stops = new();
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
            _all[(attempt.LinkId, attempt.Version)] = attempt;
        _silence = time.CreateTimer(_ => LookForSilent(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (_all.Values.Any(a => a.State == AttemptState.Updating))
            Arm(options.Updates.SilentAfter);
    }

    /// <summary>What became of a release at a Link; null: nothing yet.</summary>
    public UpdateAttempt? Find(Guid linkId, string version) => _all.GetValueOrDefault((linkId, version));

    /// <summary>The newest word on any release at a Link; null: none.</summary>
    public UpdateAttempt? LastOf(Guid linkId) => releases.All.Select(r => Find(linkId, r.Version)).OfType<UpdateAttempt>().MaxBy(a => a.At);

    /// <summary>How a release goes, by ring.</summary>
    public IReadOnlyList<RingProgress> ProgressOf(string version)
    {
        var rings = _all.Values.Where(a => a.Version == version).ToLookup(a => a.Ring);
        return [.. Enum.GetValues<Ring>().Select(r => new RingProgress(r.Word(), rings[r].Count(a => a.State == AttemptState.Updating),
            rings[r].Count(a => a.State == AttemptState.Installed), rings[r].Count(a => a.State is not (AttemptState.Updating or AttemptState.Installed))))];
    }

    /// <summary>A release was removed.</summary>
    public void Forget(string version)
    {
        foreach (var key in _all.Keys.Where(k => k.Version == version))
            _all.TryRemove(key, out _);
    }

    /// <summary>A Link says how it stands.</summary>
    public void Heard(Guid linkId, UpdateStatus? status)
    {
        var ring = rollouts.Of(linkId).Ring;
        if (status is { Stage: UpdateStage.Installing or UpdateStage.Trial or UpdateStage.Undecided, Version: { } version })
            Note(linkId, version, ring, AttemptState.Updating, null);
        else if (status?.Last is { To: { } to } last && StateOf(last.Outcome) is { } state)
            Note(linkId, to, ring, state, last.Message);
    }

    public void Dispose()
    {
        _end.Cancel();
        _silence?.Dispose();
        _end.Dispose();
    }

    static AttemptState? StateOf(UpdateOutcome outcome) => outcome switch
    {
        UpdateOutcome.Installed => AttemptState.Installed,
        UpdateOutcome.RolledBack => AttemptState.RolledBack,
        UpdateOutcome.Refused => AttemptState.Refused,
        UpdateOutcome.Failed => AttemptState.Failed,
        _ => null,
    };

    /// <summary>At once in memory, with the next group commit in the store. What is no release of this service's is nobody's business here.</summary>
    void Note(Guid linkId, string version, Ring ring, AttemptState state, string? message)
    {
        message = message is { Length: > LongestMessage } ? message[..LongestMessage] : message;
        if (releases.Find(version) is null || Find(linkId, version) is { } before && (before.State, before.Message) == (state, message))
            return;
        var attempt = new UpdateAttempt(linkId, version, ring, state, message, time.GetUtcNow());
        _all[(linkId, version)] = attempt;
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
        if (releases.Find(version) is not { Status: ReleaseStatus.Active } release)
            return;
        var counted = _all.Values.Where(a => a.Version == version && a.Ring == ring && a.At >= release.CountedFrom).ToList();
        if (!RolloutRules.IsTooBad(counted, rollouts.CountIn(ring), options.Updates.FailurePercent))
            return;
        var bad = counted.Count(a => a.State is AttemptState.RolledBack or AttemptState.Refused or AttemptState.Silent);
        var reason = string.Create(CultureInfo.InvariantCulture, $"{bad} of the {bad + counted.Count(a => a.State == AttemptState.Installed)} Links of the ring {ring.Word()} that have finished with it failed.");
        _stops.GetOrAdd(version, v => Task.Run(() => StopAsync(v, reason)));
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
        _stops.TryRemove(version, out _);
        updates.TellAll();
    }

    void LookForSilent()
    {
        lock (_lock)
            _isDue = false;
        TimeSpan? next = null;
        var now = time.GetUtcNow();
        foreach (var attempt in _all.Values.Where(a => a.State == AttemptState.Updating).ToList())
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
