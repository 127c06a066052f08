using System.Data.Common;
using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Registered;

/// <summary>A registered query as the store has it, without what is encrypted.</summary>
sealed record RegisteredRecord
{
    /// <summary>What <see cref="Read"/> reads.</summary>
    public const string Columns =
        "id, integrator_id, site_id, name, status, frequency, duration, catalogue, key_columns, deliver_first, command_size, request_size, sql_size, created_at, expires_at, completed_at, "
        + "succeeded, failed, size_sum, last_succeeded_at, last_failed_at, last_execution_ms, last_hash, delivered, result_rows, result_size, wrapped_key, detail";

    public required Guid Id { get; init; }

    public required Guid IntegratorId { get; init; }

    public required Guid SiteId { get; init; }

    public required string Name { get; init; }

    /// <summary>Seconds.</summary>
    public required int Frequency { get; init; }

    /// <summary>Seconds.</summary>
    public required int Duration { get; init; }

    public string? Catalogue { get; init; }

    /// <summary>Columns that name each row once; null: its changes are not kept row by row.</summary>
    public IReadOnlyList<string>? Key { get; init; }

    /// <summary>Whether the first result counts as a change.</summary>
    public bool DeliverFirst { get; init; } = true;

    public required long CommandSize { get; init; }

    public required long RequestSize { get; init; }

    public required long SqlSize { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it was cancelled; null: it was not.</summary>
    public DateTimeOffset? CancelledAt { get; init; }

    public RegisteredCounts Counts { get; init; } = new(0, 0);

    /// <summary>Bytes of JSON of all results that were sent.</summary>
    public long SizeSum { get; init; }

    public DateTimeOffset? LastSucceededAt { get; init; }

    public DateTimeOffset? LastFailedAt { get; init; }

    public long? LastExecutionMs { get; init; }

    /// <summary>Of the newest result; null: there is none.</summary>
    public string? LastHash { get; init; }

    /// <summary>Results so far that differed from the one before.</summary>
    public int Delivered { get; init; }

    public long ResultRows { get; init; }

    /// <summary>Bytes of JSON of the newest result.</summary>
    public long ResultSize { get; init; }

    /// <summary>Null: nothing of it is kept any more.</summary>
    public byte[]? WrappedKey { get; init; }

    /// <summary>Encrypted.</summary>
    public byte[]? Detail { get; init; }

    /// <summary>Whether it runs at that moment.</summary>
    public bool IsRunning(DateTimeOffset now) => CancelledAt is null && now < ExpiresAt;

    public static RegisteredRecord Read(DbDataReader r) => new()
    {
        Id = r.GetGuid(0),
        IntegratorId = r.GetGuid(1),
        SiteId = r.GetGuid(2),
        Name = r.GetString(3),
        Frequency = r.GetInt32(5),
        Duration = r.GetInt32(6),
        Catalogue = r.StringOrNull(7),
        Key = r.StringOrNull(8) is { } key ? JsonSerializer.Deserialize(key, HaloJson.Default.IReadOnlyListString) : null,
        DeliverFirst = r.GetBoolean(9),
        CommandSize = r.GetInt64(10),
        RequestSize = r.GetInt64(11),
        SqlSize = r.GetInt64(12),
        CreatedAt = r.Time(13),
        ExpiresAt = r.Time(14),
        CancelledAt = r.TimeOrNull(15),
        Counts = new(r.GetInt64(16), r.GetInt64(17)),
        SizeSum = r.GetInt64(18),
        LastSucceededAt = r.TimeOrNull(19),
        LastFailedAt = r.TimeOrNull(20),
        LastExecutionMs = r.LongOrNull(21),
        LastHash = r.StringOrNull(22),
        Delivered = r.GetInt32(23),
        ResultRows = r.LongOrNull(24) ?? 0,
        ResultSize = r.LongOrNull(25) ?? 0,
        WrappedKey = r.BytesOrNull(26),
        Detail = r.BytesOrNull(27),
    };

    /// <summary>The ledger's record of a result that was sent, tagged by the id of what is registered: for usage and audit.</summary>
    public NewQuery ToNewQuery(Guid id, DateTimeOffset at) => new()
    {
        Id = id,
        IntegratorId = IntegratorId,
        SiteId = SiteId,
        Mode = QueryMode.Async,
        CreatedAt = at,
        MaxTimeInQueue = 0,
        ExecutionLimit = 0,
        CommandSize = CommandSize,
        // It was sent once, with the registration.
        RequestSize = Delivered == 0 ? RequestSize : 0,
        SqlSize = SqlSize,
        Catalogue = Catalogue,
        Tag = Id.ToString(),
    };
}
