using System.Diagnostics;
using Halo.Link.Updater.Files;
using Halo.Link.Updater.Service;
using Halo.Releases;
using Halo.Releases.Handover;

namespace Halo.Link.Updater.Updates;

/// <summary>Finishes what was begun, takes what is asked, and ends when nothing is left.</summary>
/// <remarks>Each phase is written down before it is done and can be done twice: whoever comes after a power loss does it again.</remarks>
sealed class UpdateRun(Layout layout, StateStore store, Intake intake, AgentFolder folder, Watch watch, ServiceManager service, AgentStatus agent, TimeProvider time)
{
    /// <summary>A trial that is cut off again and again, as by a machine that goes down under it, comes to a verdict too.</summary>
    const int MostResumed = 5;

    const int MostRefused = 20, KeptVersions = 2;
    static readonly TimeSpan LongestSelfTest = TimeSpan.FromMinutes(1);

    UpdateState _state = new();

    public async Task RunAsync()
    {
        _state = store.Load();
        layout.CleanUp();
        if (_state.Pending is { } left)
            Resume(left);
        else if (_state.Good.Count > 0)
            Prune();
        while (true)
        {
            if (_state.Pending is { } pending && !(pending.Phase == UpdatePhase.Waiting && folder.HasRequest))
                await StepAsync(pending);
            else if (folder.Take() is { } request)
                await TakeAsync(request);
            else if (!folder.HasRequest)
                return;
        }
    }

    async Task TakeAsync(UpdateRequest request)
    {
        Save(await intake.TakeAsync(request, _state));
        Journal.Write(_state.Pending?.Id == request.Id ? $"Version {_state.Pending.To} is to follow {_state.Pending.From}." : _state.Last!.Message);
    }

    void Resume(PendingUpdate left)
    {
        if (layout.Current is null && layout.Has(left.From))
            layout.PointCurrent(left.From);
        var current = layout.Current;
        if (current != left.From && current != left.To)
            End(left, UpdateOutcome.Failed, $"The update to {left.To} was left, since version {current ?? "?"} was installed meanwhile.");
        else if (!layout.Has(left.To) && left.Phase != UpdatePhase.Back)
            Go(left, UpdatePhase.Back, $"Version {left.To} is not there any more.");
        else if (left.Phase == UpdatePhase.Trial && left.Resumed >= MostResumed)
            Go(left, UpdatePhase.Probe, $"The trial of version {left.To} was cut off {left.Resumed} times.");
        else
            Save(_state with { Pending = left with { Resumed = left.Resumed + 1 } });
    }

    Task StepAsync(PendingUpdate update) => update.Phase switch
    {
        UpdatePhase.Trial => TryAsync(update),
        UpdatePhase.Probe => ProbeAsync(update),
        UpdatePhase.Waiting => WaitAsync(update),
        UpdatePhase.Back => GoBackAsync(update),
        _ => Task.Run(() => Go(update, UpdatePhase.Trial, null)),
    };

    async Task TryAsync(PendingUpdate update)
    {
        await SwitchAsync(update.To);
        var verdict = await watch.TrialAsync(update.To, update.Before);
        if (verdict.Kind == VerdictKind.Good && await SelfTestAsync(update.To) is { } fault)
            verdict = verdict with { Kind = VerdictKind.Ended, Reason = fault };
        switch (verdict.Kind)
        {
            case VerdictKind.Good:
                Promote(update);
                break;
            case VerdictKind.Ended:
                Go(update with { Seen = verdict.Seen }, UpdatePhase.Back, verdict.Reason);
                break;
            default:
                Go(update with { Seen = verdict.Seen, Trials = update.Trials + 1 }, UpdatePhase.Probe, verdict.Reason);
                break;
        }
    }

    async Task ProbeAsync(PendingUpdate update)
    {
        await SwitchAsync(update.From);
        var (has, isMore) = await watch.ProbeAsync(update.From, update.Seen);
        if (isMore)
            Go(update, UpdatePhase.Back, $"{update.Reason} {update.From}, started again, can.");
        else
            Go(update with { Before = has }, UpdatePhase.Waiting, update.Reason);
    }

    async Task WaitAsync(PendingUpdate update)
    {
        await SwitchAsync(update.From);
        var has = await watch.PauseAsync(update.From, update.Seen, update.Trials, () => folder.HasRequest);
        if (!folder.HasRequest)
            Go(update with { Before = has }, UpdatePhase.Trial, null);
    }

    async Task GoBackAsync(PendingUpdate update)
    {
        try
        {
            await SwitchAsync(update.From);
        }
        catch (IOException) when (layout.Good == update.From)
        {
            // No room for the few bytes: without its directory the launcher starts the last good version, and there is room.
            layout.RemoveVersion(update.To);
            await SwitchAsync(update.From);
        }
        if (layout.Good == update.To && layout.Has(update.From))
            layout.PointGood(update.From);
        var runs = await watch.RunsAsync(update.From);
        var refused = new RefusedVersion(update.To, update.Reason ?? "", time.GetUtcNow());
        _state = _state with
        {
            Good = [update.From, .. _state.Good.Where(v => v != update.From && v != update.To)],
            Refused = [refused, .. _state.Refused.Where(r => r.Version != update.To).Take(MostRefused - 1)],
        };
        End(update, UpdateOutcome.RolledBack, $"{update.Reason} {update.From} is back{(runs ? " and runs" : ", and has not answered yet")}.");
        Prune();
    }

    void Promote(PendingUpdate update)
    {
        layout.PointGood(update.To);
        var floor = _state.Floors.FirstOrDefault(f => f.Version == update.To)?.Floor;
        _state = _state with
        {
            Good = [.. new[] { update.To }.Concat(update.IsRollback ? [] : [update.From]).Concat(_state.Good.Where(v => v != update.To && v != update.From)).Take(KeptVersions)],
            Refused = [.. update.IsRollback ? [new RefusedVersion(update.From, "A person went back from it.", time.GetUtcNow())] : Array.Empty<RefusedVersion>(),
                .. _state.Refused.Where(r => r.Version != update.To && !(update.IsRollback && r.Version == update.From)).Take(MostRefused - 1)],
            SecurityFloor = CalendarVersion.TryParse(floor, out var now) && !(CalendarVersion.TryParse(_state.SecurityFloor, out var before) && before > now) ? floor : _state.SecurityFloor,
        };
        End(update, UpdateOutcome.Installed, $"Version {update.To} runs in place of {update.From}.");
        Prune();
    }

    /// <summary>Makes a version the one that runs. Where it is already, nothing is restarted.</summary>
    async Task SwitchAsync(string version)
    {
        if (layout.Current != version)
            layout.PointCurrent(version);
        if ((await agent.AskAsync())?.Version != version)
            await service.RestartAsync();
    }

    /// <summary>From the promotion on the new version's updater is the one that is started: one that does not start could never be replaced.</summary>
    /// <returns>Null: it starts.</returns>
    async Task<string?> SelfTestAsync(string version)
    {
        try
        {
            using var updater = Process.Start(new ProcessStartInfo(layout.ProgramOf(version, "halo-link-updater"), ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            using var limit = new CancellationTokenSource(LongestSelfTest, time);
            try
            {
                await Task.WhenAll(updater.StandardOutput.ReadToEndAsync(limit.Token), updater.StandardError.ReadToEndAsync(limit.Token));
                await updater.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                updater.Kill();
                return $"The updater of version {version} hangs.";
            }
            return updater.ExitCode == 0 ? null : $"The updater of version {version} does not start (exit code {updater.ExitCode}).";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"The updater of version {version} does not start ({e.Message}).";
        }
    }

    /// <summary>Keeps what runs, the last good ones, and this program's own directory, from which it still loads; that one goes the next time.</summary>
    void Prune()
    {
        string?[] kept = [layout.Current, layout.Good, ProgramVersion.Own, .. _state.Good.Take(KeptVersions)];
        foreach (var version in layout.All().Except(kept.OfType<string>()))
            layout.RemoveVersion(version);
    }

    void Go(PendingUpdate update, UpdatePhase phase, string? reason)
    {
        Save(_state with { Pending = update with { Phase = phase, Since = time.GetUtcNow(), Reason = reason, Resumed = 0 } });
        Journal.Write($"Update from {update.From} to {update.To}: {_state.Pending!.Describe()}.");
    }

    void End(PendingUpdate update, UpdateOutcome outcome, string message)
    {
        Save(_state with { Pending = null, Last = new(update.Id, outcome, message, time.GetUtcNow()) { From = update.From, To = update.To } });
        Journal.Write(message);
    }

    void Save(UpdateState state)
    {
        store.Save(state);
        _state = state;
    }
}
