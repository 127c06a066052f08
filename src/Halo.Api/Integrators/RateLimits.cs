using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.RateLimiting;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Integrators;

/// <summary>How fast each integrator may call: a bucket of one second's requests, refilled as time goes by. Each node counts for itself.</summary>
sealed class RateLimits : IDisposable
{
    static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    readonly ConcurrentDictionary<Guid, (int Limit, TokenBucketRateLimiter Bucket)> _buckets = new();

    /// <summary>Counts one request.</summary>
    /// <returns>Null where it may go on.</returns>
    public Refusal? Take(Integrator integrator)
    {
        if (integrator.Rules.RateLimit is not { } limit)
            return null;
        var (_, bucket) = _buckets.AddOrUpdate(integrator.Id, _ => (limit, Make(limit)), (_, known) => known.Limit == limit ? known : (limit, Make(limit)));
        bucket.TryReplenish();
        using var lease = bucket.AttemptAcquire();
        return lease.IsAcquired ? null : new Refusal(429, ErrorCodes.TooManyRequests,
            string.Create(CultureInfo.InvariantCulture, $"Too many requests: this integrator may send {limit} a second. Wait as Retry-After says."))
        {
            RetryAfter = Period,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, bucket) in _buckets.Values)
            bucket.Dispose();
    }

    // Refilled by the calls themselves: no timer ticks for who does not call.
    static TokenBucketRateLimiter Make(int limit) => new(new()
    {
        TokenLimit = limit,
        TokensPerPeriod = limit,
        ReplenishmentPeriod = Period,
        QueueLimit = 0,
        AutoReplenishment = false,
    });
}
