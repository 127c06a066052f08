using System.Collections.Concurrent;
using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Ledger;
using Halo.Contracts.Errors;

namespace Halo.Api.Integrators;

/// <summary>How many queries each integrator may ask in a day, UTC. Counted in memory from what the ledger has at the day's first one.</summary>
sealed class Quotas(QueryStore store, TimeProvider time)
{
    readonly ConcurrentDictionary<Guid, Day> _days = new();

    /// <summary>Counts one query.</summary>
    /// <returns>Null where it may go on.</returns>
    public async ValueTask<Refusal?> TakeAsync(Integrator integrator)
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
