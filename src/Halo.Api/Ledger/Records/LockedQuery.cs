using System.Data.Common;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>A query whose row is locked: nobody moves it until the transaction ends.</summary>
/// <param name="DeadlineAt">Milliseconds since 1970.</param>
/// <param name="QueueDeadlineAt">When its time in the queue is over, in milliseconds since 1970.</param>
sealed record LockedQuery(
    Guid Id, Guid IntegratorId, Guid SiteId, QueryStatus Status, Guid? ClaimId, Guid? HandedBackClaim, Mover? SettledBy, byte[]? WrappedKey, byte[]? Detail,
    long? DeadlineAt, long QueueDeadlineAt, long? Rows, Guid? LinkId, Guid? RunId, bool CancelAsked)
{
    /// <summary>Locks the row and reads it; null: there is none.</summary>
    public static async Task<LockedQuery?> ReadAsync(DbTransaction t, Database database, Guid queryId) => (await t.ReadAsync(
        r => new LockedQuery(
            queryId, r.GetGuid(0), r.GetGuid(1), QueryLifecycle.Parse(r.GetString(2)), r.GuidOrNull(3), r.GuidOrNull(4), QueryTable.ParseMover(r.StringOrNull(5)),
            r.BytesOrNull(6), r.BytesOrNull(7), r.LongOrNull(8), r.GetInt64(9), r.LongOrNull(10), r.GuidOrNull(11), r.GuidOrNull(12), !r.IsDBNull(13)),
        $"""
        SELECT integrator_id, site_id, status, claim_id, handed_back_claim, settled_by, wrapped_key, detail, deadline_at, created_at + max_time_in_queue,
          rows_count, link_id, run_id, cancel_asked_at
        FROM queries WHERE id = @id{database.ForUpdate}
        """,
        ("id", queryId))).SingleOrDefault();

    /// <summary>Whether a session may speak of it. A later run carries on with the claims that its Hello named; of what has ended any run of the Link may tell again.</summary>
    /// <param name="by">Null: the service itself.</param>
    public bool IsHeldBy(SessionReference? by) => by is null || by.LinkId == LinkId && (by.RunId == RunId || QueryLifecycle.IsFinal(Status));

    /// <summary>Its detail, changed and encrypted again; null: there is nothing in it, or its key is gone.</summary>
    public byte[]? DetailWith(MasterKeys keys, Func<QueryDetail, QueryDetail> change)
    {
        if (WrappedKey is null)
            return null;
        var key = keys.OpenDataKey(Id, WrappedKey);
        var detail = change(Detail is null ? new() : LedgerSeal.OpenDetail(key, Detail));
        return detail.IsEmpty ? null : LedgerSeal.Seal(key, detail);
    }
}
