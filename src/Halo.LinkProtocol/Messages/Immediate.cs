using System.Text.Json.Serialization;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Messages;

/// <summary>Runs one immediate query. It carries durations, never clock times: clinics' clocks drift.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="IntegratorId">For fairness and the practice's policy.</param>
/// <param name="Command">What to do; null of a batch and of a description, which an older Link refuses then.</param>
/// <param name="WaitMs">How long it may still wait in the lane, in milliseconds; over: it ends as expired and nothing runs.</param>
/// <param name="LimitMs">Execution limit in milliseconds, from sending to the database until the last row is read.</param>
/// <param name="MaxResultBytes">Over so many bytes of JSON the Link reads on without sending and ends with ResultTooLarge.</param>
public sealed record Execute(Guid SiteId, Guid IntegratorId, QueryCommand? Command, int WaitMs, int LimitMs, long MaxResultBytes) : ISiteCommand
{
    /// <summary>Several commands in place of one, for a Link that can (<see cref="Hello.RunsBatches"/>); null: there is <c>command</c>.</summary>
    public CommandBatch? Batch { get; init; }

    /// <summary>
    /// A command that is to be described and not run, in place of the others, for a Link that can (<see cref="Hello.DescribesCommands"/>): its columns and parameters
    /// are told as those of a result without rows. Null: there is one to run. Apart from <see cref="Command"/>, which an older Link would run.
    /// </summary>
    public QueryCommand? Describe { get; init; }

    /// <summary>What the database's own catalogue says is asked for, in place of a command, of a Link that can (<see cref="Hello.ReadsSchemas"/>); answered as a batch of <see cref="SchemaParts"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Schema { get; init; }

    /// <summary>Name of the database; the site's default when null.</summary>
    public string? Catalogue { get; init; }

    /// <summary>Which result set is wanted, from 1.</summary>
    public int ResultSet { get => field == 0 ? 1 : field; init; } = 1;

    /// <summary>Handed to the database as the application's name, where it has one.</summary>
    public string? Tag { get; init; }

    /// <summary>W3C traceparent: the Link's spans belong to the caller's trace.</summary>
    public string? TraceParent { get; init; }

    /// <summary><see cref="Messages.KeyHash"/> of the request's <c>Idempotency-Key</c>: what has run under it does not run again. Null: it has none.</summary>
    public byte[]? KeyHash { get; init; }

    /// <summary>What the API wants to hear again with an outcome that is told in a later session (<see cref="Outcome.Record"/>): it may have ended meanwhile, and know nothing of the query. The Link does not look into it. Null: nothing.</summary>
    public byte[]? Record { get; init; }

    /// <summary>Bytes of rows that may be sent before the first <see cref="FrameKind.Credit"/>.</summary>
    public int Credit { get => field == 0 ? ProtocolLimits.CreditWindowBytes : field; init; } = ProtocolLimits.CreditWindowBytes;
}

/// <summary>The columns of a result, before its first row.</summary>
/// <param name="Columns">In order; empty for a command without rows.</param>
public sealed record ResultHead(IReadOnlyList<ResultColumn> Columns);

/// <summary>How an immediate query ended. The Link keeps it in memory until <see cref="FrameKind.OutcomeAck"/>.</summary>
/// <param name="Ending">How.</param>
/// <param name="Executed">Whether the database did it.</param>
public sealed record Outcome(Ending Ending, Executed Executed)
{
    /// <summary>Rows sent, of a reader or scalar.</summary>
    public long? Rows { get; init; }

    /// <summary>Rows changed, of a nonQuery; -1 where the database gives none.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Bytes of JSON sent.</summary>
    public long Size { get; init; }

    /// <summary>How many result sets the command gave.</summary>
    public int ResultSets { get; init; }

    /// <summary>Output parameters.</summary>
    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>What each command of a batch brought, in their order, once all of it is committed; null of one command.</summary>
    public IReadOnlyList<BatchResult>? Results { get; init; }

    /// <summary>Columns, where they were not told before: in <see cref="FrameKind.Answer"/>.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    /// <summary>Why it failed.</summary>
    public ErrorDetails? Error { get; init; }

    /// <summary>Until the Link tries a database again that cannot be had, in milliseconds; null: it says nothing of that.</summary>
    public int? RetryAfterMs { get; init; }

    /// <summary><see cref="Execute.Record"/>, where the session that brought the query is over.</summary>
    public byte[]? Record { get; init; }

    /// <summary>Messages of the database that are no errors; bounded as <see cref="Notice"/> says.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Durations.</summary>
    public WorkTimings Timings { get => field ?? new(0, 0, 0); init; } = new(0, 0, 0);
}

/// <summary>How the Link's work on a query ended.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<Ending>))]
public enum Ending
{
    /// <summary>A newer Link's word; never sent.</summary>
    Unknown,

    /// <summary>In full.</summary>
    Successful,

    /// <summary>With an error.</summary>
    Failed,

    /// <summary>Stopped because it was asked to.</summary>
    Cancelled,

    /// <summary>It waited too long in the lane; nothing ran.</summary>
    Expired,
}

/// <summary>Durations inside the Link, in milliseconds.</summary>
/// <param name="LaneMs">Waiting for a lane and a connection.</param>
/// <param name="ExecuteMs">From sending to the database until its first answer.</param>
/// <param name="EncodeMs">Reading and encoding rows.</param>
public sealed record WorkTimings(double LaneMs, double ExecuteMs, double EncodeMs);
