using System.Collections.Concurrent;
using System.Globalization;
using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Work;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Session;

/// <summary>Whether the Link can reach its databases, looked at with every heartbeat.</summary>
public sealed class DatabaseHealths(LocalSites sites, TimeProvider time)
{
    static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(5);
    readonly ConcurrentDictionary<Guid, DatabaseHealth> _last = new();
    readonly ConcurrentDictionary<LocalSite, Task> _hanging = new();

    /// <summary>What the last check of this site said.</summary>
    public DatabaseHealth Last(Guid siteId) => _last.GetValueOrDefault(siteId) ?? new(DatabaseStatus.Unknown);

    /// <summary>Checks every database, all at the same time, at most five seconds long.</summary>
    public async Task<IReadOnlyList<SiteDatabase>> CheckAsync(CancellationToken stop)
    {
        foreach (var gone in _hanging.Keys.Except(sites.All))
            _hanging.TryRemove(gone, out _);
        return await Task.WhenAll(sites.All.Select(async site => new SiteDatabase(site.Id, _last[site.Id] = await CheckAsync(site, stop))));
    }

    async Task<DatabaseHealth> CheckAsync(LocalSite site, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        // A driver that hangs is asked once, not again with every heartbeat: each would hold a thread. So a check may outlast the session that began it,
        // and has nothing of it.
        var check = _hanging.TryGetValue(site, out var before) && !before.IsCompleted ? before : Task.Run(() => AskAsync(site), CancellationToken.None);
        _hanging[site] = check;
        try
        {
            await check.WaitAsync(LongestCheck, time, stop);
            return Result(DatabaseStatus.Healthy) with { LatencyMs = Math.Ceiling(time.GetElapsedTime(started).TotalMilliseconds) };
        }
        catch (TimeoutException)
        {
            return Result(DatabaseStatus.Failing) with { ErrorCode = "Timeout" };
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return Result(DatabaseStatus.Failing) with { ErrorCode = CodeOf(site, e) };
        }
    }

    DatabaseHealth Result(DatabaseStatus status) => new(status) { CheckedAt = time.GetUtcNow() };

    static string CodeOf(LocalSite site, Exception e) => site.Engine.NameError(e) is { } named
        ? named.SqlState ?? named.ErrorCode.ToString(CultureInfo.InvariantCulture)
        : e.GetType().Name;

    /// <summary>Where the pool's connection is dead the pool is emptied, so that no query is the one that finds out; a fresh connection then tells.</summary>
    static async Task<bool> AnswersAsync(LocalSite site, CancellationToken limit, bool last = false)
    {
        await using var connection = await site.Engine.OpenAsync(null, null, limit);
        try
        {
            await site.Engine.PingAsync(connection, limit);
            return true;
        }
        catch (Exception) when (!last)
        {
            site.Engine.Discard(connection);
            limit.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>A pooled connection is open whether its server lives or not, so the server is asked.</summary>
    async Task AskAsync(LocalSite site)
    {
        using var limit = new DriverCancellation(time, CancellationToken.None);
        limit.CancelAfter(LongestCheck);
        try
        {
            if (!await AnswersAsync(site, limit.Token))
                await AnswersAsync(site, limit.Token, last: true);
        }
        catch (Exception) when (limit.Token.IsCancellationRequested)
        {
            throw new TimeoutException();
        }
    }
}
