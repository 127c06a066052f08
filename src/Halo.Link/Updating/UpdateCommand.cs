using System.CommandLine;
using Halo.Line.Logging;
using Halo.Link.Settings;
using Halo.Releases.Handover;

namespace Halo.Link.Updating;

/// <summary><c>halo-link update</c> and <c>halo-link rollback</c>: ask the updater and follow what it does.</summary>
/// <param name="dataDirectoryOf">The agent's data directory by the command line.</param>
/// <param name="askLink">Asks the Link that runs on a data directory which version the API offers, or to install it now; null: none runs.</param>
/// <param name="lookAtLink">Whether one runs there, and what it says of an offer.</param>
sealed class UpdateCommand(
    Func<ParseResult, string> dataDirectoryOf, Func<string, bool, CancellationToken, Task<UpdateAnswer?>> askLink, Func<string, CancellationToken, Task<(bool Runs, OfferedVersion? Offered)>> lookAtLink,
    TimeProvider time)
{
    const int Installed = 0, NotInstalled = 1, Refused = 2, Undecided = 3;
    static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250), LongestUntilTaken = TimeSpan.FromMinutes(1);

    readonly Option<bool> _noWait = new("--no-wait") { Description = "Asks, and does not follow what becomes of it: halo-link status tells." };

    public Command BuildUpdate()
    {
        var from = new Option<string>("--from") { Description = "The bundle of a release, as the operator of the Halo API gives it." };
        var check = new Option<bool>("--check") { Description = "Asks the running Link which version the Halo API offers, and installs nothing." };
        var now = new Option<bool>("--now") { Description = "Has the running Link fetch and install at once what the Halo API offers, whatever the update hours say." };
        var again = new Option<bool>("--again") { Description = "Also where this version was tried here before and was no good." };
        var update = new Command("update", "Has the updater install a release and follows it: the new version is on trial for some minutes, and the old one comes back by itself where it is no good.") { from, check, now, again, _noWait };
        update.Validators.Add(parsed =>
        {
            if (new[] { parsed.GetValue(from) is not null, parsed.GetValue(check), parsed.GetValue(now) }.Count(given => given) != 1)
                parsed.AddError("Say one of --check, --now and --from FILE.");
        });
        update.SetAction((parsed, stop) => parsed.GetValue(from) is { } bundle
            ? AskAsync(parsed, directory => UpdateHandover.Request(directory, bundle, move: false, parsed.GetValue(again), apiTime: null, time), stop)
            : AskLinkAsync(parsed, parsed.GetValue(now), stop));
        return update;
    }

    public Command BuildRollback()
    {
        var rollback = new Command("rollback", "Goes back to the version before, which is kept. The present one is not installed again unless you ask for it.") { _noWait };
        rollback.SetAction((parsed, stop) => AskAsync(parsed, directory => UpdateHandover.RequestRollback(directory, time), stop));
        return rollback;
    }

    Task<int> AskAsync(ParseResult parsed, Func<string, Guid> request, CancellationToken stop) => FaultyConfiguration.ExplainAsync(async () =>
    {
        var directory = dataDirectoryOf(parsed);
        Guid id;
        try
        {
            id = request(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(VisibleText.Of($"Nothing was asked for: {e.Message} Run this as root."));
            return Refused;
        }
        return parsed.GetValue(_noWait) ? Installed : await FollowAsync(UpdateState.DirectoryBeside(directory), id, stop);
    });

    Task<int> AskLinkAsync(ParseResult parsed, bool now, CancellationToken stop) => FaultyConfiguration.ExplainAsync(async () =>
    {
        var directory = dataDirectoryOf(parsed);
        var before = UpdateState.Find(UpdateState.DirectoryBeside(directory))?.Last?.Id;
        if (await askLink(directory, now, stop) is not { } answer)
        {
            await Console.Error.WriteLineAsync($"No Halo Link runs on {directory}, or it is not yours to ask: its owner and administrators can.");
            return NotInstalled;
        }
        Console.WriteLine(VisibleText.Of(answer.Message));
        return answer.Failed ? Undecided : answer.Target is null || !now || parsed.GetValue(_noWait) ? Installed : await FollowOfferAsync(directory, before, stop);
    });

    /// <summary>Follows what the running Link does with an offer: it fetches the bundle first, and its request to the updater has an id that is not known yet.</summary>
    async Task<int> FollowOfferAsync(string dataDirectory, Guid? before, CancellationToken stop)
    {
        var (directory, told, seen) = (UpdateState.DirectoryBeside(dataDirectory), "", false);
        while (true)
        {
            var state = UpdateState.Find(directory);
            if ((state?.Pending?.Id ?? (state?.Last is { } last && last.Id != before ? last.Id : null)) is { } id)
                return await FollowAsync(directory, id, stop);
            var (runs, offered) = await lookAtLink(dataDirectory, stop);
            if (offered is not null && $"{offered.Stage}{(offered.Reason is { } reason ? $" ({reason})" : "")}" is var now && now != told)
            {
                Console.WriteLine(VisibleText.Of($"Version {offered.Version}: {now}"));
                (told, seen) = (now, true);
            }
            else if (runs && offered is null && seen && UpdateState.Find(directory) is var after && after?.Pending is null && after?.Last?.Id == before)
            {
                Console.WriteLine("The Halo API does not offer it any more; nothing was installed.");
                return Undecided;
            }
            await Task.Delay(Step, time, stop);
        }
    }

    async Task<int> FollowAsync(string directory, Guid id, CancellationToken stop)
    {
        var (asked, told) = (time.GetTimestamp(), "");
        while (true)
        {
            var state = UpdateState.Find(directory);
            if (state?.Pending is { } pending && pending.Id == id)
            {
                if (pending.Describe() is var now && now != told)
                    Console.WriteLine(VisibleText.Of($"Update from {pending.From} to {pending.To}: {now}."));
                told = now;
                if (pending.Phase == UpdatePhase.Waiting)
                    return Undecided;
            }
            else if (state?.Last is { } last && last.Id == id)
            {
                Console.WriteLine(VisibleText.Of(last.Message));
                return last.Outcome switch { UpdateOutcome.Installed => Installed, UpdateOutcome.Refused => Refused, _ => NotInstalled };
            }
            else if (told.Length == 0 && time.GetElapsedTime(asked) > LongestUntilTaken)
            {
                await Console.Error.WriteLineAsync("The updater has not taken the request yet: look at \"systemctl status halo-link-updater.path halo-link-updater.service\".");
                return Undecided;
            }
            await Task.Delay(Step, time, stop);
        }
    }
}
