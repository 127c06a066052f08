using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Admin;
using Halo.Link.Files;
using Halo.Link.Observability;
using Halo.Link.Pages;
using Halo.Link.Session;
using Halo.Link.Settings.Live;
using Halo.Link.Sites;
using Halo.Link.Status;
using Halo.Link.Transport;
using Halo.Link.Updating;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.Link.Work.Updating;
using Halo.LinkProtocol.Messages;

namespace Halo.Link;

/// <summary>What the Link says of itself: in Hello, in each heartbeat, and to <c>halo-link status</c>.</summary>
sealed class LinkReport(
    ConfiguredIdentity identity,
    Runs runs,
    LiveSettings live,
    DataDirectory directory,
    ClockDrift drift,
    LocalSites sites,
    PracticeDirectory practices,
    DatabaseHealths healths,
    SchemaMarks marks,
    LinkState state,
    ImmediateQueries immediate,
    AsyncQueries async,
    Spool spool,
    SelfUpdate update,
    TimeProvider time,
    SettingsFile? file = null)
{
    readonly long _started = time.GetTimestamp();

    public async Task<Hello> HelloAsync(IReadOnlyList<SiteDescription> described)
    {
        var (held, lastNumber) = await async.HeldAsync();
        return new(runs.Id, HostInformation.Version, time.GetUtcNow(), described)
        {
            Capabilities = [Hello.RunsRegisteredQueries, Hello.RunsBatches, Hello.DescribesCommands, Hello.ReadsSchemas],
            RunsBefore = runs.Before,
            MachineId = HostInformation.MachineId(),
            Platform = Installation.Platform,
            ConfiguredSites = [.. sites.All.Select(s => s.Id)],
            Claims = held,
            LastClaimNumber = lastNumber,
            Immediates = immediate.Held,
        };
    }

    public async Task<Heartbeat> HeartbeatAsync(CancellationToken stop)
    {
        file?.Look();
        var databases = marks.AddTo(await healths.CheckAsync(stop));
        return new(time.GetUtcNow(), HostInformation.Version, Uptime, Work(), databases, FreeDisk(), spool.UsedBytes)
        {
            Update = update.Status,
        };
    }

    public StatusReport Status()
    {
        var (connected, since, lastError) = state.Connection;
        var announced = practices.Describe(healths.Last).ToDictionary(d => d.Id);
        return new(HostInformation.Version, identity.Link.LinkId, runs.Id, live.Local.ApiAddress, connected, since, Uptime,
            [.. sites.All.Select(s => Describe(s, announced.GetValueOrDefault(s.Id)))], Work())
        {
            LastError = lastError,
            Update = UpdateReport.Find(directory.Path),
            Offered = update.Status is { Stage: not UpdateStage.Current, Version: { } version } status ? new(version, JsonNamingPolicy.CamelCase.ConvertName(status.Stage.ToString()), status.Reason) : null,
            Warnings = [.. new[] { file?.FilePath }.Concat(directory.KeyFiles).OfType<string>().Select(OwnFiles.WarningFor).Append(drift.Warning).OfType<string>(),
                .. sites.All.SelectMany(s => s.Warnings.Select(w => $"site {s.Id}: {w}"))],
            Settings = live.Standing with { Faults = file?.Faults is { Count: > 0 } faults ? faults : null },
        };
    }

    long Uptime => (long)time.GetElapsedTime(_started).TotalSeconds;

    SiteReport Describe(LocalSite site, SiteDescription? described)
    {
        var notice = state.NoticeOf(site.Id);
        return new(site.Id, site.Settings.Engine, described is not null)
        {
            Practice = described is null ? null : described.PracticeName ?? $"{described.PracticeManagementName} {described.PracticeManagementSiteId}",
            Authoritative = notice?.Authoritative,
            Confirmed = notice?.Confirmed,
            Message = site.IsHeldBack
                ? "Its settings name another server or database than before, which could not be read yet: until it is, no query reaches it. Check the server and the login."
                : notice?.Message,
            Unread = practices.FailureOf(site.Id),
            Protection = live.ProtectionOf(site),
            Database = healths.Last(site.Id),
            DatabaseFaults = site.Outages.Select(o => string.Create(CultureInfo.InvariantCulture, $"cannot connect to {o.What} since {o.Outage.Since:u}: {o.Outage.Fault.Words}"))
                .Concat(site.ReadOnlyFaults.Select(f => $"the rule readOnly refuses every query over {f.What}: it {f.Words}")).ToList()
                is { Count: > 0 } faults ? faults : null,
        };
    }

    QueueLengths Work() => new(immediate.Waiting, immediate.Running, async.Executing, async.Uploading);

    long? FreeDisk()
    {
        try
        {
            return new DriveInfo(live.Local.DataDirectory).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
