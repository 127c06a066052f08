using System.Collections.Concurrent;
using Halo.Api.Integrators;
using Halo.Api.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Schemas;

/// <summary>Reads again what integrators have read of a catalogue, once its Link says that it may be another: the practice's system was updated.</summary>
/// <remarks>
/// Of one site once a minute at most, whatever its Link says, one integrator after the other, and at two sites at once: many are updated in the same night. What
/// fails and would fail again is not tried again before the next mark: the practice is not asked for its whole catalogue each minute.
/// </remarks>
sealed partial class SchemaWatch(
    SchemaMarks marks, SchemaStore store, SchemaReading reading, SiteAccess access, IntegratorDirectory integrators, TimeProvider time, ILogger<SchemaWatch> log) : IDisposable
{
    const int SitesAtOnce = 2;
    static readonly TimeSpan Least = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<Guid, Watched> _sites = new();
    readonly SemaphoreSlim _atOnce = new(SitesAtOnce);

    /// <inheritdoc/>
    public void Dispose() => _atOnce.Dispose();

    /// <summary>What a heartbeat says of a Link's own sites. Never waits.</summary>
    public void Heard(IReadOnlyCollection<Guid> own, IReadOnlyList<SiteDatabase> databases)
    {
        foreach (var database in databases)
        {
            if (database.SchemaMark is not { Length: > 0 } mark || !own.Contains(database.SiteId))
                continue;
            marks.Heard(database.SiteId, mark);
            var site = _sites.GetOrAdd(database.SiteId, _ => new());
            lock (site)
            {
                if (site.Done == mark || !site.Reading.IsCompleted || site.Began is { } began && time.GetElapsedTime(began) < Least)
                    continue;
                site.Reading = Task.Run(() => ReadAgainAsync(database.SiteId, site, mark));
            }
        }
    }

    async Task ReadAgainAsync(Guid siteId, Watched watched, string mark)
    {
        try
        {
            var (isDone, older) = (true, await store.FindOlderAsync(siteId, mark));
            if (older.Count > 0)
                lock (watched)
                    watched.Began = time.GetTimestamp();
            foreach (var place in older)
            {
                var caller = new IntegratorCaller(integrators, place.IntegratorId);
                // Whose right is away reads it by itself when that is back.
                if (access.ForQuery(caller, siteId).Site is { } site && site.Catalogues.Any(c => c.Name == place.Catalogue))
                    isDone &= await TryAsync(caller, site, place.Catalogue);
            }
            // Else it is tried again after a while.
            if (isDone)
                lock (watched)
                    watched.Done = mark;
        }
        catch (Exception e)
        {
            LogFailed(siteId, e.GetType().Name);
        }
    }

    /// <returns>Whether nothing more is to be done.</returns>
    async Task<bool> TryAsync(IntegratorCaller caller, SiteRecord site, string catalogue)
    {
        await _atOnce.WaitAsync();
        try
        {
            return await reading.ReadAgainAsync(caller, site, catalogue);
        }
        catch (Exception e)
        {
            // The others are read all the same.
            LogFailed(site.Id, e.GetType().Name);
            return false;
        }
        finally
        {
            _atOnce.Release();
        }
    }

    /// <summary>One site.</summary>
    sealed class Watched
    {
        /// <summary>The mark for which nothing is left to read.</summary>
        public string? Done { get; set; }

        /// <summary>When reading began last, by the monotonic clock.</summary>
        public long? Began { get; set; }

        public Task Reading { get; set; } = Task.CompletedTask;
    }

    [LoggerMessage(1250, LogLevel.Warning, "The schemas that were read of site {SiteId} could not be read again ({Exception}); trying again in a minute")]
    partial void LogFailed(Guid siteId, string exception);
}
