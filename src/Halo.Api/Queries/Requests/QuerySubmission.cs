using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Requests;

/// <summary>A request that was read and found whole: what will be done.</summary>
/// <param name="Command">What the database is to do; of a batch the first of its commands.</param>
/// <param name="Mode">How it is answered.</param>
/// <param name="Catalogue">One of the site's databases; null: its default.</param>
/// <param name="MaxTimeInQueue">Milliseconds it may wait before the database gets it.</param>
sealed record QuerySubmission(QueryCommand Command, QueryMode Mode, string? Catalogue, int MaxTimeInQueue)
{
    /// <summary>409 for a batch at a Link that cannot run it.</summary>
    public static Refusal LinkTooOld { get; } = new(409, ErrorCodes.Conflict,
        "The site's Halo Link is too old to run several commands in one transaction. Nothing ran. Ask the practice to update Halo Link, or send the commands one by one.");

    /// <summary>All commands of a batch; null: there is one, and it is none.</summary>
    public CommandBatch? Batch { get; init; }

    /// <summary>What is to become of it.</summary>
    public SubmissionKind Kind { get; init; }

    /// <summary>Each command that is to run.</summary>
    public IReadOnlyList<QueryCommand> Commands => Batch?.Commands ?? [Command];

    /// <summary>Whether none of them brings rows.</summary>
    public bool IsNonQuery => Commands.All(c => c.ExecutionMode == ExecutionMode.NonQuery);

    /// <summary>Bytes of the command as JSON.</summary>
    public long CommandSize { get; init; }

    /// <summary>Bytes of the request's body.</summary>
    public long RequestSize { get; init; }

    /// <summary>UTF-8 bytes of the text.</summary>
    public long SqlSize { get; init; }

    /// <summary>Which result set is wanted, from 1.</summary>
    public int ResultSet { get; init; } = 1;

    /// <summary>The caller's own mark.</summary>
    public string? Tag { get; init; }

    /// <summary>Hours for which its results are kept; null: as long as any.</summary>
    public int? RetentionHours { get; init; }

    /// <summary>What the caller should know of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>What the Link keeps of its <c>Idempotency-Key</c>; null: it has none.</summary>
    public byte[]? KeyHash { get; init; }

    /// <summary>The ledger's record of it, under a new id.</summary>
    public NewQuery ToNewQuery(Guid integratorId, Guid siteId, QueryLimits limits, DateTimeOffset now) => new()
    {
        Id = QueryIds.Next(now),
        IntegratorId = integratorId,
        SiteId = siteId,
        Mode = Mode,
        CreatedAt = now,
        MaxTimeInQueue = MaxTimeInQueue,
        ExecutionLimit = ExecutionLimitMs(limits),
        CommandSize = CommandSize,
        RequestSize = RequestSize,
        SqlSize = SqlSize,
        Catalogue = Catalogue,
        ResultSet = ResultSet,
        Tag = Tag,
        RetentionHours = RetentionHours,
        Notices = Notices,
        TraceParent = Telemetry.TraceParent,
    };

    /// <summary>Execution limit in milliseconds; of a batch for all its commands together, each of which may have a limit of its own within it.</summary>
    public int ExecutionLimitMs(QueryLimits limits) =>
        (Batch is null ? Command.Timeout : null) ?? (Mode == QueryMode.Immediate ? limits.ImmediateExecutionMs : limits.AsyncExecutionMs);
}

/// <summary>What is to become of a submission.</summary>
enum SubmissionKind
{
    /// <summary>It runs.</summary>
    Run,

    /// <summary>Its command is described and does not run.</summary>
    Description,

    /// <summary>It has no command: the database's catalogue is read.</summary>
    Schema,
}
