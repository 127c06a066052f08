using System.Text.Json.Serialization;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.LinkProtocol.Messages;

/// <summary>The Link can take so many async queries more.</summary>
/// <param name="Slots">At least 1.</param>
public sealed record ClaimRequest(int Slots)
{
    /// <summary>Most sites that <see cref="ExceptSites"/> names.</summary>
    public const int MostExceptSites = 256;

    /// <summary>Sites whose databases cannot be had now: what waits for them stays in the queue. Null: none. An older API does not heed it.</summary>
    public IReadOnlyList<Guid>? ExceptSites { get; init; }
}

/// <summary>The answer to a <see cref="ClaimRequest"/>: every claim in it is committed. Empty: nothing is waiting.</summary>
/// <param name="Items">At most as many as were asked for.</param>
public sealed record Claims(IReadOnlyList<Claim> Items);

/// <summary>One async query that is the Link's now. Written to its journal, synced, before it executes.</summary>
/// <param name="QueryId">The query.</param>
/// <param name="ClaimId">The id of this claim; every later word and page names it.</param>
/// <param name="Number">Upwards among this Link's claims, without gaps.</param>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="IntegratorId">For fairness and the practice's policy.</param>
/// <param name="Command">What to do; null of a batch, which an older Link refuses then.</param>
/// <param name="LimitMs">Execution limit in milliseconds: queue and upload not counted.</param>
/// <param name="UploadLimitMs">Limit in milliseconds for delivering what is left once the database has answered.</param>
/// <param name="PageBytes">About so many bytes of JSON in a page.</param>
public sealed record Claim(
    Guid QueryId,
    Guid ClaimId,
    long Number,
    Guid SiteId,
    Guid IntegratorId,
    QueryCommand? Command,
    int LimitMs,
    int UploadLimitMs,
    int PageBytes) : ISiteCommand
{
    /// <summary>Several commands in place of one, for a Link that can (<see cref="Hello.RunsBatches"/>); null: there is <c>command</c>.</summary>
    public CommandBatch? Batch { get; init; }

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
}

/// <summary>How far a claimed query has got. Repeated until <see cref="ReportAck"/>; a repeat changes nothing.</summary>
/// <param name="ClaimId">The claim.</param>
/// <param name="Kind">What happened.</param>
public sealed record Report(Guid ClaimId, ReportKind Kind)
{
    /// <summary>Whether the database did it; with <see cref="ReportKind.Failed"/>, <see cref="ReportKind.UploadFailed"/> and <see cref="ReportKind.Cancelled"/>.</summary>
    public Executed Executed { get; init; }

    /// <summary>Why it failed.</summary>
    public ErrorDetails? Error { get; init; }

    /// <summary>Columns, from <see cref="ReportKind.Reading"/> on.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    /// <summary>Output parameters, once the database has answered in full.</summary>
    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>What each command of a batch brought, in their order, once all of it is committed; null of one command.</summary>
    public IReadOnlyList<BatchResult>? Results { get; init; }

    /// <summary>Rows in all, once known.</summary>
    public long? Rows { get; init; }

    /// <summary>Rows changed, of a nonQuery; -1 where the database gives none.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Bytes of JSON in all pages.</summary>
    public long Size { get; init; }

    /// <summary>Pages in all; 0 for a nonQuery.</summary>
    public int PageCount { get; init; }

    /// <summary>SHA-256 over the page digests in order, in base64; with <see cref="ReportKind.Complete"/> of a query with pages.</summary>
    public string? Digest { get; init; }

    /// <summary>How many result sets the command gave.</summary>
    public int ResultSets { get; init; }

    /// <summary>Messages of the database that are no errors, once it has answered in full or failed; bounded as <see cref="Notice"/> says.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Durations.</summary>
    public WorkTimings? Timings { get; init; }

    /// <summary>Milliseconds from the database's last row until the last page was delivered.</summary>
    public double? UploadMs { get; init; }
}

/// <summary>What a <see cref="Report"/> tells.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ReportKind>))]
public enum ReportKind
{
    /// <summary>A newer end's word. A Link never sends it.</summary>
    Unknown,

    /// <summary>The database has begun to answer: the columns are known.</summary>
    Reading,

    /// <summary>The database has answered in full; the rest of the pages follow.</summary>
    Uploading,

    /// <summary>Every page is delivered, or there are none: successful, if the API has them all.</summary>
    Complete,

    /// <summary>Database error, limit, or crash while executing.</summary>
    Failed,

    /// <summary>The database did it; the pages could not be delivered.</summary>
    UploadFailed,

    /// <summary>Stopped because it was asked to.</summary>
    Cancelled,

    /// <summary>Not begun and given back: the Link stops, or the practice's rule left no place for it.</summary>
    HandBack,
}

/// <summary>What the ledger made of a <see cref="Report"/>.</summary>
/// <param name="ClaimId">The claim.</param>
/// <param name="Kind">The report it answers.</param>
/// <param name="Accepted">False: the query is settled otherwise, or the report does not hold.</param>
/// <param name="Status">Where the query stands now; null: not known here.</param>
public sealed record ReportAck(Guid ClaimId, ReportKind Kind, bool Accepted, QueryStatus? Status)
{
    /// <summary>Pages that are missing at the API, after a <see cref="ReportKind.Complete"/> that did not hold: send them again.</summary>
    public IReadOnlyList<int>? MissingPages { get; init; }
}
