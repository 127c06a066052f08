using System.Runtime.InteropServices;
using Halo.Link.Updater.Files;
using Halo.Link.Updater.Service;
using Halo.Releases;
using Halo.Releases.Bundles;
using Halo.Releases.Handover;
using Halo.Releases.Trust;

namespace Halo.Link.Updater.Updates;

/// <summary>From what the agent asks to a version that is ready to be tried, or to a refusal.</summary>
/// <remarks>
/// A bundle is read once, from the file that was opened, and what is compared with the signed manifest are the bytes as they were written: whoever changes the file
/// meanwhile changes nothing that is installed. So it needs no copy, and half the disk.
/// </remarks>
/// <param name="roots">A file of root keys in place of those that are built in; null: those.</param>
sealed class Intake(Layout layout, StateStore store, AgentFolder folder, ServiceManager service, AgentStatus agent, string? roots, TimeProvider time)
{
    /// <summary>Left free beside the version, for what else the machine does.</summary>
    const long Margin = 64L << 20;

    /// <summary>All versions together.</summary>
    const long MostBytes = 2L << 30;

    const string UpdaterProgram = "halo-link-updater", LinkProgram = "halo-link";

    /// <summary>Does what is asked as far as nothing changes for the agent.</summary>
    /// <returns>The state with the update that is next, or with the reason why there is none.</returns>
    public async Task<UpdateState> TakeAsync(UpdateRequest request, UpdateState state)
    {
        // The bundle's name goes in any case: none is left for ever.
        using var bundle = request.Bundle is { } name ? folder.TakeBundle(name, ReleaseBounds.LongestBundle) : null;
        string? to = null;
        try
        {
            if (layout.Current is not { } from)
                throw new ReleaseRefusedException(RefusalKind.Damaged, "Which version runs is not known, since the file \"current\" names none: install the package again.");
            if ((await service.StateAsync()).Active == "inactive")
                throw new ReleaseRefusedException(RefusalKind.NeedsStep, "Halo Link's service does not run, and an update is judged by what runs: start it first.");
            var answer = await agent.AskAsync();
            (to, var after) = request.Bundle is null ? (FormerOf(from, state), state) : Unpack(bundle, request, from, state, v => to = v);
            return after with
            {
                Pending = new(request.Id, from, to, UpdatePhase.Staged, time.GetUtcNow()) { Before = answer?.Health ?? AgentHealth.None, IsRollback = request.Bundle is null },
            };
        }
        catch (ReleaseRefusedException e)
        {
            return Ended(UpdateOutcome.Refused, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Ended(UpdateOutcome.Failed, $"The release could not be unpacked ({e.Message}); nothing was changed.");
        }

        UpdateState Ended(UpdateOutcome outcome, string message) => state with { Last = new(request.Id, outcome, message, time.GetUtcNow()) { From = layout.Current, To = to } };
    }

    string FormerOf(string from, UpdateState state)
    {
        var former = state.Good.FirstOrDefault(v => v != from && layout.Has(v))
            ?? throw new ReleaseRefusedException(RefusalKind.NotNewer, $"No version is kept to which {from} could go back.");
        RulesOf(from, state, time.GetUtcNow()).CheckVersion(Parsed(former));
        return former;
    }

    (string Version, UpdateState State) Unpack(Stream? bundle, UpdateRequest request, string from, UpdateState state, Action<string> named)
    {
        if (bundle is null)
            throw new ReleaseRefusedException(RefusalKind.Damaged, $"The bundle is missing, is no plain file, or has more than {ReleaseBounds.LongestBundle} bytes.");
        var trusted = store.Roots(roots is null ? RootList.BuiltIn() : RootList.Parse(File.ReadAllBytes(roots)));
        var now = TimeOf(request, state);
        using var reader = BundleReader.Open(bundle, trusted, now);
        var (release, version) = (reader.Release, reader.Release.Version);
        named(version);
        RulesOf(from, state, now).Check(release);
        if (state.Refused.FirstOrDefault(r => r.Version == version) is { } refused && !request.Again)
            throw new ReleaseRefusedException(RefusalKind.NotNewer, $"Version {version} was tried here at {refused.At:u} and was no good: {refused.Reason} \"halo-link update --again\" tries it all the same.");
        foreach (var program in (string[])[LinkProgram, UpdaterProgram])
            if (!release.Files.Any(f => f.Path == program && f.Executable))
                throw new ReleaseRefusedException(RefusalKind.Damaged, $"The release is damaged: the program {program} is missing.");
        MakeRoom(release, from, state);
        layout.Make(version, open => reader.ReadFiles(open));
        // Only now: what was cut off has changed nothing.
        if (reader.TrustedRoots.Number > trusted.Number)
            store.SaveRoots(reader.TrustedRoots);
        return (version, state with
        {
            NewestCreated = state.NewestCreated is { } newest && newest > release.Created ? newest : release.Created,
            Floors = [.. state.Floors.Where(f => f.Version != version), .. release.SecurityFloor is { } floor ? [new VersionFloor(version, floor)] : Array.Empty<VersionFloor>()],
        });
    }

    /// <summary>Versions that are kept and are not needed go before anything is refused for want of room.</summary>
    void MakeRoom(ReleaseManifest release, string from, UpdateState state)
    {
        var kept = layout.All().Where(v => v != from && v != layout.Good).OrderBy(v => state.Good.Contains(v)).ToList();
        while (kept.Count > 0 && layout.All().Sum(layout.BytesOf) + release.TotalBytes > MostBytes)
        {
            layout.RemoveVersion(kept[0]);
            kept.RemoveAt(0);
        }
        if (layout.FreeBytes - Margin < release.TotalBytes)
            throw new IOException($"{release.TotalBytes >> 20} MiB are needed and {Margin >> 20} MiB have to stay free, and {layout.FreeBytes >> 20} MiB are free");
    }

    /// <summary>The API's time where the agent has it, never earlier than a release that was seen here: an old clock brings no old release back.</summary>
    DateTimeOffset TimeOf(UpdateRequest request, UpdateState state)
    {
        var now = time.GetUtcNow();
        if (request is { ApiTime: { } api, LocalTime: { } then })
            now = api + (now > then ? now - then : TimeSpan.Zero);
        return state.NewestCreated is { } newest && newest > now ? newest : now;
    }

    ReleaseRules RulesOf(string from, UpdateState state, DateTimeOffset now) => new(Parsed(from),
        [.. state.Good.Where(layout.Has).Select(Parsed)],
        CalendarVersion.TryParse(state.SecurityFloor, out var floor) ? floor : null,
        OperatingSystem.IsWindows() ? "windows" : "linux", RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64", now);

    static CalendarVersion Parsed(string version) => CalendarVersion.TryParse(version, out var parsed) ? parsed : default;
}
