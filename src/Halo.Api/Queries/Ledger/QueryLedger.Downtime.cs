using Halo.Api.Storage;

namespace Halo.Api.Queries.Ledger;

public sealed partial class QueryLedger
{
    /// <summary>
    /// The service was away, so a Link's silence until now says nothing: what a Link has is settled no earlier than
    /// <see cref="LedgerOptions.LinksReturnWithin"/> from now. What waits in the queue expires as promised.
    /// </summary>
    /// <remarks>Before the deadlines are watched. A later deadline stays, so restarts of one node among many never add up.</remarks>
    public Task AfterDowntimeAsync() => database.CommitAsync(new Statement(
        "UPDATE queries SET deadline_at = @until WHERE deadline_at < @until AND status IN ('executing', 'uploading')",
        ("until", Now + (long)options.LinksReturnWithin.TotalMilliseconds)));
}
