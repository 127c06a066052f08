using Halo.Link.Updater.Service;
using Halo.Releases.Handover;

namespace Halo.Link.Updater.Updates;

/// <summary>Looks at what runs until there is something to say about it.</summary>
sealed class Watch(ServiceManager service, AgentStatus agent, UpdaterOptions options, TimeProvider time)
{
    const int MostExits = 2;
    static readonly TimeSpan Step = TimeSpan.FromMilliseconds(500), LongestDown = TimeSpan.FromSeconds(10);

    /// <summary>Whether a version that was just started becomes, and stays, as good as the one before was.</summary>
    /// <remarks>systemd has to call it active: what it waits for in vain it ends after a while. One exit may be bad luck, as a database that was not up yet; a second one is not. A session is needed in any case: without one nobody could ever send the next release.</remarks>
    public async Task<Verdict> TrialAsync(string version, AgentHealth before)
    {
        var (start, seen, began) = (time.GetTimestamp(), AgentHealth.None, (await service.StateAsync()).Restarts);
        (long? goodSince, long? downSince) = (null, null);
        while (true)
        {
            var state = await service.StateAsync();
            downSince = state.IsDown ? downSince ?? time.GetTimestamp() : null;
            if (state.Restarts - began >= MostExits)
                return new(VerdictKind.Ended, seen, $"Version {version} ended by itself {state.Restarts - began} times: its log says why.");
            if (downSince is { } down && time.GetElapsedTime(down) >= LongestDown)
                return new(VerdictKind.Ended, seen, $"Version {version} ended by itself and was not started again: its log says why.");
            if (await agent.AskAsync() is { } answer && answer.Version == version)
            {
                seen = answer.Health;
                goodSince = state.Active == "active" && seen.Connected && seen.Covers(before) ? goodSince ?? time.GetTimestamp() : null;
                if (goodSince is { } since && time.GetElapsedTime(since) >= options.Settle)
                    return new(VerdictKind.Good, seen, "");
            }
            else
                goodSince = null;
            if (time.GetElapsedTime(start) >= options.Gate && goodSince is null)
                return new(VerdictKind.NotGood, seen, ReasonOf(version, seen, before));
            await Task.Delay(Step, time);
        }
    }

    /// <summary>Whether the version before can do what the new one could not.</summary>
    /// <returns>What it has; and whether that is more.</returns>
    public async Task<(AgentHealth Has, bool IsMore)> ProbeAsync(string version, AgentHealth seen)
    {
        var (start, has) = (time.GetTimestamp(), AgentHealth.None);
        while (time.GetElapsedTime(start) < options.Gate)
        {
            if (await HealthOfAsync(version) is { } health)
            {
                has = health;
                if (!seen.Covers(has))
                    return (has, true);
            }
            await Task.Delay(Step, time);
        }
        return (has, false);
    }

    /// <summary>Waits until another try says more: something is back that was away, the pause is over, or something else was asked.</summary>
    public async Task<AgentHealth> PauseAsync(string version, AgentHealth seen, int trials, Func<bool> asked)
    {
        var (start, has) = (time.GetTimestamp(), AgentHealth.None);
        var pause = options.Pause * Math.Pow(2, Math.Min(trials - 1, 10));
        var longest = pause < TimeSpan.FromHours(6) ? pause : TimeSpan.FromHours(6);
        while (time.GetElapsedTime(start) < longest && !asked())
        {
            if (await HealthOfAsync(version) is { } health)
            {
                has = health;
                if (!seen.Covers(has))
                    break;
            }
            await Task.Delay(Step * 10, time);
        }
        return has;
    }

    /// <summary>Waits, bounded, until a version answers.</summary>
    public async Task<bool> RunsAsync(string version)
    {
        var start = time.GetTimestamp();
        while (await HealthOfAsync(version) is null)
        {
            if (time.GetElapsedTime(start) >= options.Gate)
                return false;
            await Task.Delay(Step, time);
        }
        return true;
    }

    async Task<AgentHealth?> HealthOfAsync(string version) => await agent.AskAsync() is { } answer && answer.Version == version ? answer.Health : null;

    static string ReasonOf(string version, AgentHealth seen, AgentHealth before) => !seen.Connected
        ? $"Version {version} had no session with the API in time."
        : $"Version {version} could not reach {before.Healthy.Except(seen.Healthy).Count()} of the {before.Healthy.Count} database(s) that were reached before.";
}

/// <summary>What is to be said of a version on trial.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Seen">What it had at last.</param>
/// <param name="Reason">For people; empty where it is good.</param>
sealed record Verdict(VerdictKind Kind, AgentHealth Seen, string Reason);

enum VerdictKind
{
    Good,

    /// <summary>Its process does not stay up: no outage does that.</summary>
    Ended,

    /// <summary>Something is missing that may be away for every version.</summary>
    NotGood,
}
