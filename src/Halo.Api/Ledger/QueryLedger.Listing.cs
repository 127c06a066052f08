using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>Which of an integrator's own queries at a site are wanted, newest first.</summary>
/// <param name="Limit">At most so many.</param>
sealed record QueryFilter(Guid? IntegratorId, Guid? SiteId, int Limit)
{
    /// <summary>In this state, as readers see it now.</summary>
    public QueryStatus? Status { get; init; }

    /// <summary>With this mark.</summary>
    public string? Tag { get; init; }

    /// <summary>Made then or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Made before.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Older than this one.</summary>
    public Guid? After { get; init; }
}

sealed partial class QueryLedger
{
    // A queued query whose time is over is found as expired: reading makes it that.
    const string HasStatus = " AND status = @status", IsQueued = " AND status = 'queued' AND deadline_at > @now",
        IsExpired = " AND (status = 'expiredInQueue' OR status = 'queued' AND deadline_at <= @now)";

    /// <summary>Records without their pages. Ids are made in the order of time, so they are the order and the key of the list.</summary>
    /// <param name="withDetails">False: what only its integrator may read stays encrypted.</param>
    public async Task<IReadOnlyList<QueryRecord>> ListAsync(QueryFilter wanted, bool withDetails = true)
    {
        var now = time.GetUtcNow();
        var (sql, values) = ListSql(wanted, now);
        var rows = await ReadSettledAsync(sql, values, now);
        if (!withDetails)
            return [.. rows.Select(r => r.Record)];
        return [.. rows.Select(r => r.Detail is null || r.Record.FailureCode is null && r.Record.Status == QueryStatus.Successful
            ? r.Record
            : r.Record with { Detail = LedgerSeal.OpenDetail(KeyOf(r.Record), r.Detail) })];
    }

    internal static (string Sql, (string, object?)[] Values) ListSql(QueryFilter wanted, DateTimeOffset now)
    {
        var state = wanted.Status switch
        {
            null => "",
            QueryStatus.Queued => IsQueued,
            QueryStatus.ExpiredInQueue => IsExpired,
            _ => HasStatus,
        };
        var sql =
            $"""
            SELECT {QueryRecord.Columns} FROM queries
            WHERE {(wanted.IntegratorId is null ? "TRUE" : "integrator_id = @integrator")}{(wanted.SiteId is null ? "" : " AND site_id = @site")}
              {(wanted.After is null ? "" : "AND id < @after")}{(wanted.From is null ? "" : " AND id >= @from")}{(wanted.To is null ? "" : " AND id < @to")}{(wanted.Tag is null ? "" : " AND tag = @tag")}{state}
            ORDER BY id DESC LIMIT @limit
            """;
        List<(string, object?)> values = [("limit", wanted.Limit)];
        if (wanted.IntegratorId is { } integrator)
            values.Add(("integrator", integrator));
        if (wanted.SiteId is { } site)
            values.Add(("site", site));
        if (wanted.To is { } to)
            values.Add(("to", FirstIdOf(to)));
        if (wanted.After is { } after)
            values.Add(("after", after));
        if (wanted.From is { } from)
            values.Add(("from", FirstIdOf(from)));
        if (wanted.Tag is { } tag)
            values.Add(("tag", tag));
        if (state == HasStatus)
            values.Add(("status", QueryLifecycle.Word(wanted.Status!.Value)));
        else if (state.Length > 0)
            values.Add(("now", now.Ms()));
        return (sql, [.. values]);
    }

    /// <summary>No id of that millisecond or later is lower: the first 48 bits of an id are its time.</summary>
    internal static Guid FirstIdOf(DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        Span<byte> ms = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(ms, Math.Clamp(moment.Ms(), 0, (1L << 48) - 1));
        ms[2..].CopyTo(bytes);
        return new Guid(bytes, bigEndian: true);
    }
}
