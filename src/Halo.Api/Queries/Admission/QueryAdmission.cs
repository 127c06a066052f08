using System.Collections.Concurrent;
using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Admission;

/// <summary>
/// Whether one more query is taken in: (1) its caller may ask the site now, (2) the ledger keeps up with its writes, (3) its integrator has queries left today,
/// (4) there is room for it among the immediate queries under way, or in the queue.
/// </summary>
/// <remarks>How fast an integrator may call is <see cref="RateLimits"/>' to say, before a request is read; how much of results is held, <see cref="ResultMemoryBudget"/>'s.</remarks>
sealed class QueryAdmission(SiteAccess access, QueryStore store, Database database, PendingQueries pending, QueryLimits limits, TimeProvider time) : IDisposable
{
    static readonly Refusal LedgerFull = new(503, ErrorCodes.QueueFull, "The service's store is behind with its writes. Nothing ran; try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    };

    readonly SiteBound _immediate = new(limits.ImmediatePerSite, limits.Immediate, time), _queued = new(limits.QueuedPerSite, limits.Queued, time, store.CountQueuedAsync);
    readonly ConcurrentDictionary<Guid, Day> _days = new();

    /// <summary>Why no query is taken in now, whoever asks; null: some may be. Asked before a request is parsed, and of one with a key before it is carried out.</summary>
    public Refusal? Backlog => database.Waiting + pending.Refused >= limits.LedgerQueue ? LedgerFull : null;

    /// <summary>Immediate queries under way, waiting ones among them.</summary>
    public int UnderWay => _immediate.All;

    /// <summary>Counts one query of its integrator's day. When this returns the right to ask has just been looked at.</summary>
    /// <param name="refused">What else refuses it, before it would be counted.</param>
    /// <returns>Why it is refused; null: it is not.</returns>
    public async ValueTask<Refusal?> TakeAsync(IntegratorCaller caller, Guid siteId, Refusal? refused)
    {
        if ((access.ForQuery(caller, siteId).Refusal ?? refused) is { } refusal)
            return refusal;
        var counting = CountAsync(caller.Integrator);
        var hasWaited = !counting.IsCompleted;
        return await counting ?? (hasWaited ? access.ForQuery(caller, siteId).Refusal : null);
    }

    /// <summary>Takes a place among the immediate queries under way; disposing gives it back.</summary>
    /// <exception cref="RefusedException">There is none.</exception>
    public IDisposable BeginImmediate(Guid siteId) => _immediate.TryAdd(siteId, out var count) switch
    {
        BoundMet.None => new Place(_immediate, siteId, count),
        BoundMet.OfSite => throw Full($"The site has {limits.ImmediatePerSite} immediate queries under way, as many as it may. Nothing ran; try again shortly, or ask async.", 1),
        _ => throw Full($"The service has {limits.Immediate} immediate queries under way, as many as it may. Nothing ran; try again shortly.", 1),
    };

    /// <summary>Counts an async query into the queue, before it is stored.</summary>
    /// <returns>The count that it is in, for <see cref="RemoveQueued"/>.</returns>
    /// <exception cref="RefusedException">The queue is full.</exception>
    public async ValueTask<int> AddQueuedAsync(Guid siteId) =>
        await _queued.AddAsync(siteId) ?? throw Full("As many async queries are queued as may be, at this site or at the service. Nothing ran; try again later.", 10);

    /// <summary>It was not stored after all, for certain.</summary>
    /// <param name="count">Where it was counted in.</param>
    public void RemoveQueued(Guid siteId, int count) => _queued.Remove(siteId, count);

    /// <inheritdoc/>
    public void Dispose()
    {
        _immediate.Dispose();
        _queued.Dispose();
    }

    /// <summary>One query more of an integrator's day, UTC: counted in memory, from what the ledger has at the day's first one.</summary>
    async ValueTask<Refusal?> CountAsync(Integrator integrator)
    {
        if (integrator.Rules.Quota is not { } quota)
            return null;
        var today = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        if (!_days.TryGetValue(integrator.Id, out var day) || day.Start != today)
        {
            var before = await store.CountAcceptedAsync(integrator.Id, today);
            day = _days.AddOrUpdate(integrator.Id, _ => new(today, before), (_, known) => known.Start == today ? known : new(today, before));
        }
        if (day.TryTake(quota))
            return null;
        return new Refusal(403, ErrorCodes.QuotaExceeded,
            string.Create(CultureInfo.InvariantCulture, $"This integrator has had its {quota} queries of today; the next day begins at midnight UTC. Ask the operator of this service for more."))
        {
            RetryAfter = today.AddDays(1) - time.GetUtcNow(),
        };
    }

    static RefusedException Full(string message, int retryAfterSeconds) =>
        new(new Refusal(503, ErrorCodes.QueueFull, message) { RetryAfter = TimeSpan.FromSeconds(retryAfterSeconds) });

    sealed class Place(SiteBound bound, Guid siteId, int count) : IDisposable
    {
        SiteBound? _bound = bound;

        public void Dispose() => Interlocked.Exchange(ref _bound, null)?.Remove(siteId, count);
    }

    sealed class Day(DateTimeOffset start, long before)
    {
        long _taken = before;

        public DateTimeOffset Start => start;

        public bool TryTake(long quota)
        {
            if (Interlocked.Increment(ref _taken) <= quota)
                return true;
            Interlocked.Decrement(ref _taken);
            return false;
        }
    }
}
