using System.Collections.Concurrent;
using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Files;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Sites;

/// <summary>What the Link knows of its practices: from the configuration, or read from the databases at start and once a day.</summary>
/// <remarks>
/// A database that does not answer hinders nothing: what was last read is kept in the data directory and used meanwhile. A site
/// whose PMS or PMS ID was never read is not announced until it is.
/// </remarks>
sealed partial class PracticeDirectory(LocalSites sites, DataDirectory directory, TimeProvider time, ILogger<PracticeDirectory> log)
{
    const string FileName = "practices.json";
    internal static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(5);
    static readonly TimeSpan Refresh = TimeSpan.FromDays(1);
    static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(10);
    static readonly TimeSpan LongestHeldRetry = TimeSpan.FromSeconds(10);

    readonly ConcurrentDictionary<Guid, PracticeTexts> _known = new(
        directory.ReadCopy(FileName, LinkFilesJson.Default.KnownPractices)?.Sites ?? new Dictionary<Guid, PracticeTexts>());
    readonly ConcurrentDictionary<Guid, string> _failing = new();
    readonly Lock _storing = new();
    TaskCompletionSource _again = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The sites that can be announced, as they are known now.</summary>
    public IReadOnlyList<SiteDescription> Describe(Func<Guid, DatabaseHealth> health) =>
    [
        .. sites.All.Select(s => Describe(s, health(s.Id))).OfType<SiteDescription>(),
    ];

    /// <summary>Why the last reading of a site's database failed; null: it did not.</summary>
    public string? FailureOf(Guid siteId) => _failing.GetValueOrDefault(siteId);

    /// <summary>Reads every database once, before the API is told anything: at a start, or of changed settings.</summary>
    /// <param name="tell">Tells the API; a site that could be read at last is served when this has returned.</param>
    public async Task ReadAsync(Func<CancellationToken, Task> tell, CancellationToken stop)
    {
        await ReadAsync(stop);
        await tell(stop);
        LetThroughWhatIsRead();
    }

    /// <summary>Reads every database once, all at the same time, at most five seconds long.</summary>
    /// <returns>Whether anything is known now that was not before, or differs.</returns>
    async Task<bool> ReadAsync(CancellationToken stop)
    {
        var changed = await Task.WhenAll(sites.All.Select(s => ReadAsync(s, stop)));
        if (!changed.Contains(true))
            return false;
        try
        {
            // Two may have read at the same time: the one that writes last writes all that is known.
            lock (_storing)
                directory.Write(FileName, new KnownPractices(_known.ToDictionary()), LinkFilesJson.Default.KnownPractices);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(directory.PathOf(FileName), e.GetType().Name);
        }
        return true;
    }

    /// <summary>Other sites are there: those that could not be read are tried again soon.</summary>
    public void LookAgain() =>
        Interlocked.Exchange(ref _again, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Reads again once a day, sooner while a database fails, and tells when something changed.</summary>
    public async Task KeepFreshAsync(Func<CancellationToken, Task> changed, CancellationToken stop)
    {
        var retry = FirstRetry;
        // Of another only once this one is done: it may be so while the databases are read.
        var again = Volatile.Read(ref _again).Task;
        while (true)
        {
            var failing = sites.All.Any(s => FailureOf(s.Id) is not null || s.IsHeldBack);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var wait = !failing ? Refresh : sites.All.Any(s => s.IsHeldBack) && retry > LongestHeldRetry ? LongestHeldRetry : retry;
            await Task.WhenAny(Task.Delay(wait, time, over.Token), again);
            await over.CancelAsync();
            stop.ThrowIfCancellationRequested();
            if (again.IsCompleted)
            {
                retry = FirstRetry;
                again = Volatile.Read(ref _again).Task;
                continue;
            }
            retry = failing && retry * 2 < LongestRetry ? retry * 2 : failing ? LongestRetry : FirstRetry;
            if (await ReadAsync(stop))
                await changed(stop);
            LetThroughWhatIsRead();
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
            DatabaseIdentity = IsOfTarget(site, read) ? read.DatabaseIdentity : null,
            Database = health,
        };
    }

    async Task<bool> ReadAsync(LocalSite site, CancellationToken stop)
    {
        var before = _known.GetValueOrDefault(site.Id) ?? new();
        var doubtful = !site.IsHeldBack && before.DatabaseIdentity is not null && !IsOfTarget(site, before);
        if (doubtful)
            site.HoldBack();
        var reading = new PracticeReading(site, before);
        using var limit = new DriverCancellation(time, stop);
        var work = Task.Run(() => reading.RunAsync(limit.Token), stop);
        try
        {
            // Left behind where it hangs: a driver need not heed its token.
            await work.WaitAsync(LongestRead, time, stop);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _ = work.ContinueWith(t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            reading.Failed(e);
        }
        limit.Cancel();
        // What was read stands, whatever failed beside it.
        var now = reading.Texts;
        lock (_storing)
        {
            // Other settings have taken its place, and are read for themselves: what was found under these says nothing of those.
            if (!sites.All.Contains(site))
                return false;
            _known[site.Id] = now;
            if (reading.Failure is not { } failure)
                _failing.TryRemove(site.Id, out _);
            else if (failure != FailureOf(site.Id))
                LogUnread(site.Id, site.Settings.Engine, _failing[site.Id] = failure);
        }
        if (doubtful && !IsOfTarget(site, now))
            LogHeldBack(site.Id);
        return now != before;
    }

    /// <summary>Whether the identity is that of the database which the settings name now: that of another one says nothing of it.</summary>
    static bool IsOfTarget(LocalSite site, PracticeTexts texts) =>
        texts.Target is null || texts.Target == DatabaseEngines.TargetDigest(site.Settings.Engine, site.Settings.ConnectionString);

    /// <summary>What was read has been told to the API, or is with the next Hello.</summary>
    void LetThroughWhatIsRead()
    {
        foreach (var site in sites.All.Where(s => s.IsHeldBack && IsOfTarget(s, _known.GetValueOrDefault(s.Id) ?? new())))
        {
            site.LetThrough();
            LogRead(site.Id);
        }
    }

    [LoggerMessage(2041, LogLevel.Warning,
        "Site {SiteId}: the settings name another server or database than before, and it could not be read yet. Until it is, no query reaches it: it may be another practice's. "
        + "Check that the server is up and the login right; the Link keeps trying.")]
    partial void LogHeldBack(Guid siteId);

    [LoggerMessage(2042, LogLevel.Information, "Site {SiteId}: the database that the settings name could be read. Queries reach it again where the API allows them.")]
    partial void LogRead(Guid siteId);

    [LoggerMessage(2006, LogLevel.Warning, "{Path} could not be written ({Kind}): is the disk full? After the next start the practices are unknown until their databases answer.")]
    partial void LogUnwritten(string path, string kind);

    [LoggerMessage(2002, LogLevel.Warning,
        "The database of site {SiteId} ({Engine}) could not be read for what it says of the practice ({Failure}). What was read before counts meanwhile. "
        + "Check that the server is up, that the login is right and may read this, and the SQL in the settings; the Link keeps trying.")]
    partial void LogUnread(Guid siteId, string engine, string failure);
}
