using System.Collections.Concurrent;
using System.Globalization;
using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Sites;

/// <summary>Whether the Link can reach its databases: looked at with every heartbeat, and told by the queries in between.</summary>
sealed partial class DatabaseHealths
{
    static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(6);
    readonly LocalSites _sites;
    readonly TimeProvider _time;
    readonly ILogger<DatabaseHealths> _log;
    readonly ConcurrentDictionary<Guid, (DatabaseHealth Health, long At)> _last = new();
    readonly ConcurrentDictionary<LocalSite, Task> _hanging = new();
    readonly ConcurrentDictionary<(Guid Site, string What), DateTimeOffset> _away = new();
    readonly ConcurrentDictionary<(Guid Site, string What), bool> _writing = new();

    /// <param name="report">The API is to hear of a change soon.</param>
    public DatabaseHealths(LocalSites sites, TimeProvider time, ILogger<DatabaseHealths> log, Action? report = null)
    {
        (_sites, _time, _log) = (sites, time, log);
        sites.AvailabilityChanged += (site, connector) =>
        {
            Tell(site, connector);
            report?.Invoke();
        };
    }

    /// <summary>What is known of this site's database: by the last check, or by a query since.</summary>
    public DatabaseHealth Last(Guid siteId)
    {
        var known = _last.GetValueOrDefault(siteId, (new(DatabaseStatus.Unknown), 0));
        var site = _sites.All.FirstOrDefault(s => s.Id == siteId);
        if (site?.Connector.Outage is { } outage)
            return Failing(CodeOf(outage.Fault), site.Connector.RetryAfter);
        return known.Health.Status != DatabaseStatus.Healthy && site?.Connector.ConnectedAt > known.At ? Result(DatabaseStatus.Healthy) : known.Health;
    }

    /// <summary>Checks every database, all at the same time, at most six seconds long.</summary>
    public async Task<IReadOnlyList<SiteDatabase>> CheckAsync(CancellationToken stop)
    {
        foreach (var gone in _hanging.Keys.Except(_sites.All))
            _hanging.TryRemove(gone, out _);
        return await Task.WhenAll(_sites.All.Select(async site =>
        {
            var health = await CheckAsync(site, stop);
            _last[site.Id] = (health, _time.GetTimestamp());
            return new SiteDatabase(site.Id, health);
        }));
    }

    async Task<DatabaseHealth> CheckAsync(LocalSite site, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        // A driver that hangs is asked once, not again with every heartbeat: each would hold a thread. So a check may outlast the session that began it,
        // and has nothing of it.
        var check = _hanging.TryGetValue(site, out var before) && !before.IsCompleted ? before : Task.Run(site.Connector.CheckAsync, CancellationToken.None);
        _hanging[site] = check;
        try
        {
            await check.WaitAsync(LongestCheck, _time, stop);
            Tell(site, site.Connector);
            return Result(DatabaseStatus.Healthy) with { LatencyMs = Math.Ceiling(_time.GetElapsedTime(started).TotalMilliseconds) };
        }
        catch (TimeoutException)
        {
            return Failing("Timeout", site.Connector.RetryAfter);
        }
        catch (DatabaseUnavailableException e)
        {
            return Failing(CodeOf(e.Fault), e.RetryAfter);
        }
        // A driver's own cancellation is a failure as any other: it must not end the heartbeats.
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            return Failing(e.GetType().Name, null);
        }
    }

    DatabaseHealth Failing(string code, TimeSpan? retryAfter) => Result(DatabaseStatus.Failing) with
    {
        ErrorCode = code,
        RetryAfterMs = retryAfter is { } wait ? (int)Math.Ceiling(wait.TotalMilliseconds) : null,
    };

    DatabaseHealth Result(DatabaseStatus status) => new(status) { CheckedAt = _time.GetUtcNow() };

    static string CodeOf(ConnectionFault fault) => fault.Error.SqlState ?? fault.Error.ErrorCode.ToString(CultureInfo.InvariantCulture);

    void Tell(LocalSite site, DatabaseConnector connector)
    {
        var what = site.WhatIs(connector);
        if (connector.Outage is { } outage)
        {
            _away.TryAdd((site.Id, what), outage.Since);
            LogAway(site.Id, what, site.Settings.Engine, outage.Fault.Words);
        }
        else if (connector.ReadOnlyFault is { } fault)
        {
            if (_writing.TryAdd((site.Id, what), true))
                LogCanWrite(site.Id, what, fault);
        }
        else if (_writing.TryRemove((site.Id, what), out _))
            LogReadsOnly(site.Id, what);
        if (connector.Outage is null && connector.ConnectedAt != 0 && _away.TryRemove((site.Id, what), out var since))
            LogBack(site.Id, what, (_time.GetUtcNow() - since).TotalSeconds);
    }

    [LoggerMessage(2050, LogLevel.Warning, "Site {SiteId}: cannot connect to {What} ({Engine}): {Words} Queries are answered with 503 meanwhile; the Link keeps trying.")]
    partial void LogAway(Guid siteId, string what, string engine, string words);

    [LoggerMessage(2052, LogLevel.Warning, "Site {SiteId}: the rule readOnly refuses every query over {What}: it {Words}")]
    partial void LogCanWrite(Guid siteId, string what, string words);

    [LoggerMessage(2053, LogLevel.Information, "Site {SiteId}: {What} can only read now; the rule readOnly lets queries through.")]
    partial void LogReadsOnly(Guid siteId, string what);

    [LoggerMessage(2051, LogLevel.Information, "Site {SiteId}: connected to {What} again, after {Seconds:0} s.")]
    partial void LogBack(Guid siteId, string what, double seconds);
}
