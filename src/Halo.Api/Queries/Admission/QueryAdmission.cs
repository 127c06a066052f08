using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Admission;

/// <summary>Whether one more query may be taken in: the ledger keeps up with its writes, and the integrator has queries left today.</summary>
sealed class QueryAdmission(Quotas quotas, Database database, PendingQueries pending, QueryLimits limits)
{
    static readonly Refusal LedgerFull = new(503, ErrorCodes.QueueFull, "The service's store is behind with its writes. Nothing ran; try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(2),
    };

    /// <summary>Why no query is taken in now, whoever asks; null: some may be. Asked before a request is parsed.</summary>
    public Refusal? Backlog => database.Waiting + pending.Refused >= limits.LedgerQueue ? LedgerFull : null;

    /// <summary>Counts one query of an integrator in.</summary>
    /// <returns>Why it is refused; null: it is not.</returns>
    public ValueTask<Refusal?> TakeAsync(Integrator integrator) => Backlog is { } full ? ValueTask.FromResult<Refusal?>(full) : quotas.TakeAsync(integrator);
}
