using System.Globalization;
using System.Threading.Channels;
using Halo.Link.Files;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Transport;
using Halo.Link.Updating;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Halo.Releases.Handover;
using Microsoft.Extensions.Logging;
using UpdateOutcome = Halo.Releases.Handover.UpdateOutcome;

namespace Halo.Link.Work.Updating;

/// <summary>
/// Keeps this Link at the version that the API wants: fetches the bundle, waits for the practice's hours and for running work to end, and hands it to the updater,
/// which alone may change programs. One loop does all of it; what others say only wakes it.
/// </summary>
/// <remarks>
/// Nothing of it is kept but the part of a bundle that has come: whoever is started again asks the API and looks into the updater's state. Just before the hand-over the API is
/// asked once more, so a release that was paused meanwhile goes no further.
/// </remarks>
sealed partial class SelfUpdate(
    ApiTransport api, DataDirectory directory, BundleDownload download, ImmediateQueries immediate, AsyncQueries async, Func<UpdateSettings> settings, Action tell, TimeProvider time, Random random,
    ILogger<SelfUpdate> log)
{
    /// <summary>Besides what is told over the line: the API is asked so often, give or take a quarter.</summary>
    static readonly TimeSpan AskEvery = TimeSpan.FromHours(1);

    /// <summary>Running work is waited for so long; then the switch ends it in order, as every stop does.</summary>
    static readonly TimeSpan LongestDrain = TimeSpan.FromMinutes(10);

    /// <summary>What could not be done at this machine, as on a full disk, is tried again so much later.</summary>
    static readonly TimeSpan AgainAfterFailure = TimeSpan.FromHours(6);

    /// <summary>Whoever lets others go first asks so often, give or take a half.</summary>
    static readonly TimeSpan TurnEvery = TimeSpan.FromMinutes(4);

    static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(30), DrainStep = TimeSpan.FromMilliseconds(100), FollowStep = TimeSpan.FromSeconds(1), LongestUntilTaken = TimeSpan.FromMinutes(2);

    readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    readonly Backoff _backoff = new(random, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10));
    UpdateTarget? _target;
    Action _drop = () => { };
    UpdateStatus _status = new(UpdateStage.Current);
    string? _forced, _said;
    bool _paused;

    /// <summary>For the heartbeat; null: no updater has laid this program out.</summary>
    public UpdateStatus? Status => Installation.Platform is null ? null : Volatile.Read(ref _status) with { Last = Last };

    /// <summary>The API has said which version it wants.</summary>
    /// <param name="target">Null: it is of a version that never does.</param>
    public void OnTarget(UpdateTarget? target)
    {
        if (target is null)
            return;
        if (!target.IsSound)
        {
            LogUnsound();
            return;
        }
        if (target.IsSame(Interlocked.Exchange(ref _target, target)))
            return;
        // What somebody wanted at once was the release that was offered then.
        if (Volatile.Read(ref _forced) is { } forced && forced != target.Version)
            Volatile.Write(ref _forced, null);
        Look();
        // What is under way is for another release.
        Volatile.Read(ref _drop)();
    }

    /// <summary>Something that it goes by may have changed.</summary>
    public void Look() => _wake.Writer.TryWrite(true);

    /// <summary>Somebody at the practice asks, and may want it now, whatever the hours, the setting or an earlier try say.</summary>
    public async Task<UpdateAnswer> AskAsync(bool now, CancellationToken stop)
    {
        if (Installation.Platform is null)
            return new(HostInformation.Version, null, "This Halo Link was not installed by a package that brings an updater: install another version by the way this one came.");
        try
        {
            if (await AskApiAsync(stop) is not { Version: { } version })
                return new(HostInformation.Version, null, $"Version {HostInformation.Version} runs, and the Halo API offers no other.");
            if (now)
                Volatile.Write(ref _forced, version);
            Look();
            return new(HostInformation.Version, version, $"Version {HostInformation.Version} runs, and the Halo API offers {version}.{(now ? "" : $" {Next()}")}");
        }
        catch (Exception e) when (e is HttpRequestException or ApiRefusedException)
        {
            return new(HostInformation.Version, null, $"The Halo API could not be asked: {e.Message}") { Failed = true };
        }
    }

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Installation.Platform is null)
            return;
        var ask = time.GetTimestamp();
        try
        {
            while (true)
            {
                TimeSpan? wait;
                try
                {
                    if (Until(ask) <= TimeSpan.Zero)
                    {
                        ask = After(AskEvery * (0.75 + 0.5 * random.NextDouble()));
                        // The Welcome of the first session says it before.
                        if (_target is not null)
                            await AskApiAsync(stop);
                    }
                    wait = await StepAsync(stop);
                    _backoff.Reset();
                }
                catch (OperationCanceledException) when (!stop.IsCancellationRequested)
                {
                    // Dropped for another offer, which has woken the loop too.
                    wait = LookAgain;
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    wait = Failed(e);
                }
                if (!stop.IsCancellationRequested)
                    Pause(false);
                await SleepAsync(wait is { } sooner && sooner < Until(ask) ? sooner : Until(ask), stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Whoever is started next goes on from what is on the disk.
        }
    }

    UpdateState? State => UpdateState.Find(UpdateState.DirectoryBeside(directory.Path));

    UpdateEnd? Last => State?.Last is { } last ? new(Enum.Parse<LinkProtocol.Messages.UpdateOutcome>(last.Outcome.ToString()), last.Message, last.At)
    {
        From = last.From,
        To = last.To,
    } : null;

    /// <summary>Goes as far as it can.</summary>
    /// <returns>When to look again; null: when something is told.</returns>
    async Task<TimeSpan?> StepAsync(CancellationToken stop)
    {
        // Before the target is read: one that changes from here on ends this. Not disposed of: who changes it may be about to say so.
        var dropped = new CancellationTokenSource();
        Volatile.Write(ref _drop, () => _ = dropped.CancelAsync());
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, dropped.Token);
        var step = either.Token;
        if (State is { Pending: { } pending })
        {
            Say(pending.Phase switch
            {
                UpdatePhase.Staged => UpdateStage.Installing,
                UpdatePhase.Trial or UpdatePhase.Back => UpdateStage.Trial,
                _ => UpdateStage.Undecided,
            }, pending.To, pending.Describe());
            return FollowStep;
        }
        if (_target is not { } target)
            return null;
        if (target is not { Version: { } version, Sha256: not null } || version == HostInformation.Version)
        {
            Say(UpdateStage.Current, null, null);
            download.RemoveOthers();
            return null;
        }
        var forced = Volatile.Read(ref _forced) == version;
        if (!forced && WhyNot(version, out var again) is { } why)
        {
            Say(UpdateStage.Failed, version, why);
            return again;
        }
        if (!forced && !settings().Automatic)
        {
            Say(UpdateStage.Off, version, "The practice's setting updates.automatic is false.");
            return LookAgain;
        }
        // What the last try met stays said until this one gets further.
        if (!download.Has(target) && (Volatile.Read(ref _status) is not { Stage: UpdateStage.Downloading } before || before.Version != version))
            Say(UpdateStage.Downloading, version, null);
        var bundle = await download.FetchAsync(target, step);
        if (!forced && !settings().Hours.Contains(time.GetLocalNow()))
        {
            Say(UpdateStage.Waiting, version, $"It waits for the practice's update hours, {settings().Hours} of local time.");
            return LookAgain;
        }
        // Before claims are paused: whoever has to let others go first goes on with its work.
        if (!forced && await AskApiAsync(step, (LinkHttp.KeepTurn, version)) is var turn && (!target.IsSame(turn) || turn.NotYet))
            return target.IsSame(turn) ? LetGoFirst(version) : TimeSpan.Zero;
        Say(UpdateStage.Waiting, version, "It waits for running work to end.");
        await DrainAsync(step);
        if (!forced && !settings().Hours.Contains(time.GetLocalNow()))
        {
            Say(UpdateStage.Waiting, version, $"It waits for the practice's update hours, {settings().Hours} of local time; running work did not end within the last ones.");
            return LookAgain;
        }
        // It may have been paused, or may have expired, since it was told.
        var confirmed = await AskApiAsync(step, forced ? null : (LinkHttp.BeginTurn, version));
        if (!target.IsSame(confirmed))
            return TimeSpan.Zero;
        if (confirmed.NotYet)
            return LetGoFirst(version);
        Say(UpdateStage.Installing, version, null);
        var id = UpdateHandover.Request(directory.Path, bundle, move: true, again: forced, confirmed.Now, time);
        Volatile.Write(ref _forced, null);
        LogHandedOver(version);
        await FollowAsync(id, version, stop);
        return TimeSpan.Zero;
    }

    /// <returns>When to ask again.</returns>
    TimeSpan LetGoFirst(string version)
    {
        Say(UpdateStage.Waiting, version, "Other Links go first: it waits for its turn.");
        return TurnEvery * (0.5 + random.NextDouble());
    }

    /// <summary>Until nothing runs, and no longer than is bearable for those who wait behind it.</summary>
    async Task DrainAsync(CancellationToken stop)
    {
        Pause(true);
        var began = time.GetTimestamp();
        while (immediate.Running + immediate.Waiting + async.Executing + async.Uploading > 0 && time.GetElapsedTime(began) < LongestDrain)
            await Task.Delay(DrainStep, time, stop);
    }

    /// <summary>Until the updater has ended this process, or has said that it does not take the release.</summary>
    async Task FollowAsync(Guid id, string version, CancellationToken stop)
    {
        var asked = time.GetTimestamp();
        while (State is var state && state?.Last?.Id != id)
        {
            if (state?.Pending is { } pending && pending.Id == id)
            {
                if (pending.Phase is not (UpdatePhase.Staged or UpdatePhase.Trial))
                    return;
                // It should have ended this process by now; until it does, queries are taken.
                if (time.GetElapsedTime(asked) > LongestUntilTaken)
                {
                    Say(UpdateStage.Installing, version, "The updater has taken it and does not go on: look at \"systemctl status halo-link-updater.service\".");
                    Pause(false);
                }
            }
            else if (time.GetElapsedTime(asked) > LongestUntilTaken)
            {
                // Another request took its place, or it went with an updater that was ended when it had just taken it.
                if (!UpdateHandover.IsAsked(directory.Path))
                    return;
                Say(UpdateStage.Installing, version, "The updater has not taken it yet: look at \"systemctl status halo-link-updater.path halo-link-updater.service\".");
                Pause(false);
            }
            await Task.Delay(FollowStep, time, stop);
        }
    }

    /// <summary>Whether a version was tried here and is not tried again by itself.</summary>
    /// <param name="again">When that ends by itself; null: not before something else is offered.</param>
    string? WhyNot(string version, out TimeSpan? again)
    {
        again = null;
        if (State is not { } state)
            return null;
        if (state.Refused.FirstOrDefault(r => r.Version == version) is { } refused)
            return refused.Reason;
        if (state.Last is not { } last || last.To != version)
            return null;
        if (last.Outcome == UpdateOutcome.Refused)
            return last.Message;
        again = AgainAfterFailure - (time.GetUtcNow() - last.At);
        return last.Outcome == UpdateOutcome.Failed && again > TimeSpan.Zero ? last.Message : null;
    }

    string Next() => settings().Automatic
        ? $"It is installed by itself within the hours {settings().Hours}; \"halo-link update --now\" does it at once."
        : "The setting updates.automatic is false, so nothing happens by itself; \"halo-link update --now\" installs it.";

    /// <param name="turn">Asks for the turn besides; null: it only asks.</param>
    async Task<UpdateTarget> AskApiAsync(CancellationToken stop, (string Step, string Version)? turn = null)
    {
        var target = await api.Client.UpdateAsync(turn, api.Tokens.GetAsync, stop);
        if (!target.IsSound)
            throw new HttpRequestException("What it says of the release that it offers cannot be used");
        Interlocked.Exchange(ref _target, target);
        return target;
    }

    TimeSpan Failed(Exception e)
    {
        var known = e is IOException or UnauthorizedAccessException or HttpRequestException or ApiRefusedException or ApiBusyException;
        var reason = known ? $"{e.Message.TrimEnd('.')}; it is tried again." : "A fault of the Link's own; its log has more.";
        Say(Volatile.Read(ref _status).Stage, _target?.Version, reason);
        if (!known)
            LogFault(FaultText.Of(e));
        return e is ApiBusyException { RetryAfter: { } asked } ? asked * (1 + random.NextDouble()) : TimeSpan.FromSeconds(1) + _backoff.Next();
    }

    /// <summary>What changes is told to the API at once, and to the log where it is more than a step.</summary>
    void Say(UpdateStage stage, string? version, string? reason)
    {
        var before = Interlocked.Exchange(ref _status, new(stage) { Version = version, Reason = reason });
        if ((before.Stage, before.Version, before.Reason) == (stage, version, reason))
            return;
        tell();
        if (version is null || $"{stage} {version} {reason}" is var words && words == Interlocked.Exchange(ref _said, words))
            return;
        if (stage == UpdateStage.Failed || reason is not null && stage == UpdateStage.Downloading)
            LogNotDone(version, reason ?? "");
        else
            LogStage(version, stage, reason ?? "");
    }

    void Pause(bool pause)
    {
        if (_paused != pause)
            async.Pause(pause);
        _paused = pause;
    }

    TimeSpan Until(long moment) => time.GetElapsedTime(time.GetTimestamp(), moment);

    long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);

    async Task SleepAsync(TimeSpan longest, CancellationToken stop)
    {
        using var over = new CancellationTokenSource(longest > TimeSpan.Zero ? longest : TimeSpan.Zero, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, over.Token);
        try
        {
            await _wake.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Something is due.
        }
    }

    [LoggerMessage(2150, LogLevel.Information, "Update to version {Version}: {Stage}. {Reason}")]
    partial void LogStage(string version, UpdateStage stage, string reason);

    [LoggerMessage(2151, LogLevel.Warning, "Version {Version} is not installed: {Reason}")]
    partial void LogNotDone(string version, string reason);

    [LoggerMessage(2152, LogLevel.Information, "Version {Version} was handed to the updater, which restarts Halo Link.")]
    partial void LogHandedOver(string version);

    [LoggerMessage(2154, LogLevel.Warning, "What the Halo API says of the release that it offers cannot be used; it is passed over.")]
    partial void LogUnsound();

    [LoggerMessage(2153, LogLevel.Error, "A fault of the Link's own, while it updated itself: {Fault}")]
    partial void LogFault(string fault);
}
