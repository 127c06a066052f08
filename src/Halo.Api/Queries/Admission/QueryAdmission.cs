using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Admission;

/// <summary>Whether one more query may be taken in: its caller may ask the site now, the ledger keeps up with its writes, and the integrator has queries left today.</summary>
sealed class QueryAdmission(SiteAccess access, Quotas quotas, Database database, PendingQueries pending, QueryLimits limits)
{
    static readonly Refusal LedgerFull = new(503, ErrorCodes.QueueFull, "The service's store is behind with its writes. Nothing ran; try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    };

    /// <summary>Why no query is taken in now, whoever asks; null: some may be. Asked before a request is parsed.</summary>
    public Refusal? Backlog => database.Waiting + pending.Refused >= limits.LedgerQueue ? LedgerFull : null;

    /// <summary>Counts one query in. When this returns the right to ask has just been looked at.</summary>
    /// <param name="invalid">What else refuses it, before it would be counted.</param>
    /// <returns>Why it is refused; null: it is not.</returns>
    public async ValueTask<Refusal?> TakeAsync(IntegratorCaller caller, Guid siteId, Refusal? invalid)
    {
        if ((access.ForQuery(caller, siteId).Refusal ?? invalid ?? Backlog) is { } refusal)
            return refusal;
        var counting = quotas.TakeAsync(caller.Integrator);
        var hasWaited = !counting.IsCompleted;
        return await counting ?? (hasWaited ? access.ForQuery(caller, siteId).Refusal : null);
    }
}
