using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>The moments at which the service settles queries by itself, wherever their Links are.</summary>
sealed class Deadlines(Database database, LedgerOptions options, TimeProvider time)
{
    const int Step = 200;

    /// <summary>A queued query whose time is over.</summary>
    public static readonly Settlement Expired = Settlement.Of(QueryStatus.ExpiredInQueue, Mover.Api, Executed.No, FailureCodes.QueueTimeout);

    /// <summary>Settles everything whose deadline is past, in the order of the deadlines, at most some hundreds in one call.</summary>
    /// <param name="except">Left as they are.</param>
    /// <returns>What became final; empty: nothing is due any more.</returns>
    public async Task<IReadOnlyList<SettledQuery>> SettleDueAsync(DateTimeOffset now, IReadOnlySet<Guid>? except = null) => await database.WriteAsync(async t =>
    {
        var due = await t.ReadAsync(
            r => (Id: r.GetGuid(0), Mode: QueryTable.ParseMode(r.GetString(1)), Status: QueryLifecycle.Parse(r.GetString(2)), CancelAsked: !r.IsDBNull(3)),
            "SELECT id, mode, status, cancel_asked_at FROM queries WHERE deadline_at <= @now ORDER BY deadline_at LIMIT @step",
            ("now", now.Ms()), ("step", Step + (except?.Count ?? 0)));
        var all = new List<SettledQuery>();
        foreach (var group in due.Where(q => except?.Contains(q.Id) != true).GroupBy(q => (q.Mode, q.Status, q.CancelAsked), q => q.Id).OrderBy(g => g.Key))
            all.AddRange(await SettlementWriter.SettleAsync(t, [.. group], group.Key.Mode, EndOf(group.Key.Status, group.Key.CancelAsked), now.Ms(), dueOnly: true));
        return all;
    });

    /// <summary>Settles those of these queued queries whose time is over. A claim that was begun in time, and is committed meanwhile, wins.</summary>
    public async Task<IReadOnlyList<SettledQuery>> ExpireAsync(IReadOnlyCollection<Guid> queryIds, DateTimeOffset now) =>
        await database.WriteAsync(t => SettlementWriter.SettleAsync(t, queryIds, QueryMode.Async, Expired, now.Ms(), dueOnly: true));

    /// <summary>The earliest deadline of all queries; null: none has one.</summary>
    public async Task<DateTimeOffset?> NextAsync() =>
        (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(deadline_at) FROM queries WHERE deadline_at IS NOT NULL"))[0];

    /// <summary>
    /// The service was away, so a Link's silence until now says nothing: what a Link has is settled no earlier than
    /// <see cref="LedgerOptions.LinksReturnWithin"/> from now. What waits in the queue expires as promised.
    /// </summary>
    /// <remarks>Before the deadlines are watched. A later deadline stays, so restarts of one node among many never add up.</remarks>
    public Task AfterDowntimeAsync() => database.CommitAsync(new Statement(
        "UPDATE queries SET deadline_at = @until WHERE deadline_at < @until AND status IN ('executing', 'uploading')",
        ("until", (time.GetUtcNow() + options.LinksReturnWithin).Ms())));

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

    /// <summary>What the API makes of a query that its deadline found in this state.</summary>
    static Settlement EndOf(QueryStatus status, bool cancelAsked) => status switch
    {
        QueryStatus.Queued => Expired,
        QueryStatus.Uploading when cancelAsked => Settlement.Of(QueryStatus.Cancelled, Mover.Api, Executed.Yes, FailureCodes.CancelledByIntegrator),
        QueryStatus.Uploading => Settlement.Of(QueryStatus.UploadFailed, Mover.Api, Executed.Yes, FailureCodes.UploadTimeout),
        _ when cancelAsked => Settlement.Of(QueryStatus.Cancelled, Mover.Api, Executed.Unknown, FailureCodes.CancelledByIntegrator),
        _ => Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.Unknown, FailureCodes.NoAnswer),
    };
}
