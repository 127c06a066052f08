using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Link.Settings;
using Halo.Link.Work;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Session;

/// <summary>What the Link knows of its practices: from the configuration, or read from the databases at start and once a day.</summary>
/// <remarks>
/// A database that does not answer hinders nothing: what was last read is kept in the data directory and used meanwhile. A site
/// whose PMS or PMS ID was never read is not announced until it is.
/// </remarks>
public sealed partial class PracticeDirectory(LocalSites sites, DataDirectory directory, TimeProvider time, ILogger<PracticeDirectory> log)
{
    const string FileName = "practices.json";
    static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(5);
    static readonly TimeSpan Refresh = TimeSpan.FromDays(1);
    static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(10);

    readonly ConcurrentDictionary<Guid, PracticeTexts> _known = new(
        directory.Read(FileName, LinkFilesJson.Default.KnownPractices)?.Sites ?? new Dictionary<Guid, PracticeTexts>());
    readonly ConcurrentDictionary<Guid, bool> _failing = new();

    /// <summary>The sites that can be announced, as they are known now.</summary>
    public IReadOnlyList<SiteDescription> Describe(Func<Guid, DatabaseHealth> health) =>
    [
        .. sites.All.Select(s => Describe(s, health(s.Id))).OfType<SiteDescription>(),
    ];

    /// <summary>Reads every database once, all at the same time, at most five seconds long.</summary>
    /// <returns>Whether anything is known now that was not before, or differs.</returns>
    public async Task<bool> ReadAsync(CancellationToken stop)
    {
        var changed = await Task.WhenAll(sites.All.Select(s => ReadAsync(s, stop)));
        if (!changed.Contains(true))
            return false;
        try
        {
            directory.Write(FileName, new KnownPractices(_known.ToDictionary()), LinkFilesJson.Default.KnownPractices);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(directory.PathOf(FileName), e.GetType().Name);
        }
        return true;
    }

    /// <summary>Reads again once a day, sooner while a database fails, and tells when something changed.</summary>
    public async Task KeepFreshAsync(Action changed, CancellationToken stop)
    {
        var retry = FirstRetry;
        while (true)
        {
            var failing = _failing.Values.Contains(true);
            await Task.Delay(failing ? retry : Refresh, time, stop);
            retry = failing && retry * 2 < LongestRetry ? retry * 2 : failing ? LongestRetry : FirstRetry;
            if (await ReadAsync(stop))
                changed();
        }
    }

    SiteDescription? Describe(LocalSite site, DatabaseHealth health)
    {
        var settings = site.Settings;
        var read = _known.GetValueOrDefault(site.Id) ?? new();
        if ((settings.PracticeManagementName.Text ?? read.PracticeManagementName) is not { } name
            || (settings.PracticeManagementSiteId.Text ?? read.PracticeManagementSiteId) is not { } id)
            return null;
        return new(site.Id, settings.Engine, name, id, [.. settings.Catalogues.Select(c => new SiteCatalogue(c.Name, c.IsDefault))])
        {
            PracticeManagementVersion = settings.PracticeManagementVersion?.Text ?? read.PracticeManagementVersion,
            PracticeName = settings.PracticeName?.Text ?? read.PracticeName,
            DatabaseIdentity = read.DatabaseIdentity,
            Database = health,
        };
    }

    async Task<bool> ReadAsync(LocalSite site, CancellationToken stop)
    {
        var before = _known.GetValueOrDefault(site.Id) ?? new();
        var reading = Task.Run(() => ReadTextsAsync(site, before, stop), stop);
        try
        {
            // Left behind where it hangs: a driver need not heed its token.
            var now = await reading.WaitAsync(LongestRead, time, stop);
            _failing[site.Id] = false;
            _known[site.Id] = now;
            return now != before;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _ = reading.ContinueWith(t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            if (!_failing.GetValueOrDefault(site.Id))
                LogUnread(site.Id, site.Settings.Engine, e.GetType().Name, site.Engine.NameError(e)?.ErrorCode);
            _failing[site.Id] = true;
            return false;
        }
    }

    static async Task<PracticeTexts> ReadTextsAsync(LocalSite site, PracticeTexts before, CancellationToken stop)
    {
        var settings = site.Settings;
        await using var connection = await site.Engine.OpenAsync(null, null, stop);
        return new()
        {
            PracticeManagementName = await ReadTextAsync(site, connection, settings.PracticeManagementName, stop) ?? before.PracticeManagementName,
            PracticeManagementSiteId = await ReadTextAsync(site, connection, settings.PracticeManagementSiteId, stop) ?? before.PracticeManagementSiteId,
            PracticeManagementVersion = await ReadTextAsync(site, connection, settings.PracticeManagementVersion, stop) ?? before.PracticeManagementVersion,
            PracticeName = await ReadTextAsync(site, connection, settings.PracticeName, stop) ?? before.PracticeName,
            DatabaseIdentity = await ReadIdentityAsync(site, connection, stop) ?? before.DatabaseIdentity,
        };
    }

    static async Task<string?> ReadTextAsync(LocalSite site, DbConnection connection, TextSource? source, CancellationToken stop)
    {
        if (source?.Sql is not { } sql)
            return null;
        await using var command = site.Engine.CreateCommand(connection, new QueryCommand(sql), []);
        var value = Convert.ToString(await command.ExecuteScalarAsync(stop), CultureInfo.InvariantCulture)?.Trim();
        return string.IsNullOrEmpty(value) ? null : value;
    }

    static async Task<string?> ReadIdentityAsync(LocalSite site, DbConnection connection, CancellationToken stop)
    {
        try
        {
            return await site.Engine.ReadIdentityAsync(connection, stop);
        }
        catch (DbException)
        {
            // A login without the right to see it: the contract has nothing blocked by that.
            return null;
        }
    }

    [LoggerMessage(2006, LogLevel.Warning, "{Path} could not be written ({Kind}): is the disk full? After the next start the practices are unknown until their databases answer.")]
    partial void LogUnwritten(string path, string kind);

    [LoggerMessage(2002, LogLevel.Warning,
        "The database of site {SiteId} ({Engine}) could not be read for what it says of the practice: {Kind} {Code}. What was known before is used; the Link keeps trying.")]
    partial void LogUnread(Guid siteId, string engine, string kind, int? code);
}
