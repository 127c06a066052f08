using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Link.Files;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.Link.Status;
using Halo.Link.Updating;
using Halo.Releases.Handover;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Diagnosis;

/// <summary>Tries what the settings name, without a running Link and without changing anything: the way to the API, and each site's database.</summary>
static class Doctor
{
    /// <summary>Never throws for what it meets; takes half a minute at most where nothing answers.</summary>
    /// <param name="file">Where the settings come from; null: from nowhere.</param>
    public static async Task<DoctorReport> ExamineAsync(LinkSettings settings, string? file, TimeProvider time, CancellationToken stop)
    {
        var agent = AgentAsync(settings, stop);
        var api = new ApiCheck(settings, time).RunAsync(stop);
        await using var workers = new SqliteWorkers(settings.Sqlite.MaxMemoryBytes, time, NullLogger<SqliteWorkers>.Instance);
        var logins = new LoginRefusals(time);
        var own = new OwnSessions();
        var sites = settings.Sites
            .Select(s => new LocalSite(Guid.Empty, s, (engine, c) => DatabaseEngines.Create(engine, c, time, s.Protection, own, workers), time, logins)).ToList();
        try
        {
            var found = await Task.WhenAll(sites.Select((s, i) => new SiteCheck($"sites[{i}]", s, time).RunAsync(stop)));
            return new(HostInformation.Version,
            [
                new("settings", CheckState.Ok, $"{file ?? "the settings"}: no fault, {settings.Sites.Count} site(s)"),
                .. OpenFiles(settings, file), .. await api, await agent, .. Updates(settings.DataDirectory), .. found.SelectMany(f => f),
            ]);
        }
        finally
        {
            foreach (var site in sites)
                await site.DisposeAsync();
        }
    }

    /// <summary>The settings cannot be used: nothing else is tried.</summary>
    public static DoctorReport Of(SettingsException e) =>
        new(HostInformation.Version, [.. e.Faults.Select(f => new DoctorCheck("settings", CheckState.Problem, f.ToString()))]);

    static IEnumerable<DoctorCheck> OpenFiles(LinkSettings settings, string? file) =>
        from path in new[] { file, Path.Combine(settings.DataDirectory, LinkKey.FileName), Path.Combine(settings.DataDirectory, LocalKey.FileName) }
        where path is not null
        let warning = OwnFiles.WarningFor(path)
        where warning is not null
        select new DoctorCheck("files", CheckState.Warning, warning);

    static IEnumerable<DoctorCheck> Updates(string dataDirectory) => UpdateReport.Find(dataDirectory) is not { } report ? []
        : report.Lines().Select(l => new DoctorCheck("update", report.Pending is null && report.Last?.Outcome == UpdateOutcome.Installed ? CheckState.Ok : CheckState.Warning, l));

    /// <summary>What the Link that runs says of itself: it may know what no call from here can show, as a session that is refused.</summary>
    static async Task<DoctorCheck> AgentAsync(LinkSettings settings, CancellationToken stop) =>
        await StatusServer.AskAsync(settings.DataDirectory, stop) switch
        {
            null => new("agent", CheckState.Warning,
                $"no Halo Link runs on {settings.DataDirectory}, or it is not yours to ask: start the service, or run this as its account or an administrator"),
            { Connected: true } status => new("agent", CheckState.Ok, $"Halo Link {status.Version} runs and is connected to {status.Api}"),
            { LastError: { } error } status => new("agent", CheckState.Problem, $"Halo Link {status.Version} runs and is not connected to {status.Api}: {error.Message}"),
            var status => new("agent", CheckState.Warning, $"Halo Link {status.Version} runs and has no session with {status.Api} yet: ask again in a minute"),
        };
}
