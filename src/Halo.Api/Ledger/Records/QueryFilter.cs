using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>Which queries are wanted, newest first.</summary>
/// <param name="Limit">At most so many.</param>
sealed record QueryFilter(Guid? IntegratorId, Guid? SiteId, int Limit)
{
    // A queued query whose time is over is found as expired: reading makes it that.
    const string HasStatus = " AND status = @status", IsQueued = " AND status = 'queued' AND deadline_at > @now",
        IsExpired = " AND (status = 'expiredInQueue' OR status = 'queued' AND deadline_at <= @now)";

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

    /// <summary>The statement and its values.</summary>
    public (string Sql, (string, object?)[] Values) ToSql(DateTimeOffset now)
    {
        var state = Status switch
        {
            null => "",
            QueryStatus.Queued => IsQueued,
            QueryStatus.ExpiredInQueue => IsExpired,
            _ => HasStatus,
        };
        var sql =
            $"""
            SELECT {QueryTable.Columns} FROM queries
            WHERE {(IntegratorId is null ? "TRUE" : "integrator_id = @integrator")}{(SiteId is null ? "" : " AND site_id = @site")}
              {(After is null ? "" : "AND id < @after")}{(From is null ? "" : " AND id >= @from")}{(To is null ? "" : " AND id < @to")}{(Tag is null ? "" : " AND tag = @tag")}{state}
            ORDER BY id DESC LIMIT @limit
            """;
        List<(string, object?)> values = [("limit", Limit)];
        if (IntegratorId is { } integrator)
            values.Add(("integrator", integrator));
        if (SiteId is { } site)
            values.Add(("site", site));
        if (To is { } to)
            values.Add(("to", FirstIdOf(to)));
        if (After is { } after)
            values.Add(("after", after));
        if (From is { } from)
            values.Add(("from", FirstIdOf(from)));
        if (Tag is { } tag)
            values.Add(("tag", tag));
        if (state == HasStatus)
            values.Add(("status", QueryLifecycle.Word(Status!.Value)));
        else if (state.Length > 0)
            values.Add(("now", now.Ms()));
        return (sql, [.. values]);
    }

    /// <summary>No id of that millisecond or later is lower: the first 48 bits of an id are its time.</summary>
    public static Guid FirstIdOf(DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        Span<byte> ms = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(ms, Math.Clamp(moment.Ms(), 0, (1L << 48) - 1));
        ms[2..].CopyTo(bytes);
        return new Guid(bytes, bigEndian: true);
    }
}
