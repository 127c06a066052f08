using Halo.Api.Ledger.Records;
using Halo.Api.Storage;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    /// <summary>
    /// The service was away, so a Link's silence until now says nothing: what a Link has is settled no earlier than
    /// <see cref="LedgerOptions.LinksReturnWithin"/> from now. What waits in the queue expires as promised.
    /// </summary>
    /// <remarks>Before the deadlines are watched. A later deadline stays, so restarts of one node among many never add up.</remarks>
    public Task AfterDowntimeAsync() => database.CommitAsync(new Statement(
        "UPDATE queries SET deadline_at = @until WHERE deadline_at < @until AND status IN ('executing', 'uploading')",
        ("until", Now + (long)options.LinksReturnWithin.TotalMilliseconds)));

    /// <summary>
    /// Somebody set the service's clock, or its machine was suspended: what a Link has was promised a time, not an hour of the
    /// day, so its deadline goes with the clock. What waits in the queue keeps its hour.
    /// </summary>
    /// <param name="before">What the clock would say now without it.</param>
    /// <param name="jump">Forward or, negative, back.</param>
    /// <remarks>
    /// What was written since has its deadline by the new clock, as far as that can be told: a jump is found up to a minute later, and after a small one what was
    /// written between may get it twice, or keep what it had after a step back. So a deadline is never too early, and at most the jump too late.
    /// What another node has moved counts as written since.
    /// </remarks>
    public Task AfterClockJumpAsync(DateTimeOffset before, TimeSpan jump) => database.CommitAsync(new Statement(
        "UPDATE queries SET deadline_at = deadline_at + @jump, updated_at = @now WHERE deadline_at IS NOT NULL AND status IN ('executing', 'uploading') AND "
        + (jump > TimeSpan.Zero ? "updated_at <= @before" : "updated_at > @before"),
        ("jump", (long)jump.TotalMilliseconds), ("now", (before + jump).Ms()), ("before", (jump > TimeSpan.Zero ? before : before + jump).Ms())));
}
