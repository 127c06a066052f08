using Halo.Api.Results.Pages;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>An accepted query, before anything has become of it.</summary>
sealed record NewQuery
{
    public required Guid Id { get; init; }

    public required Guid IntegratorId { get; init; }

    public required Guid SiteId { get; init; }

    public required QueryMode Mode { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Milliseconds.</summary>
    public required int MaxTimeInQueue { get; init; }

    /// <summary>Milliseconds in the database, as the command or the site's setting says.</summary>
    public required int ExecutionLimit { get; init; }

    /// <summary>Bytes of the command as JSON.</summary>
    public required long CommandSize { get; init; }

    /// <summary>Bytes of the request's body.</summary>
    public required long RequestSize { get; init; }

    /// <summary>Bytes of the SQL text.</summary>
    public required long SqlSize { get; init; }

    public string? Catalogue { get; init; }

    public int ResultSet { get; init; } = 1;

    public string? Tag { get; init; }

    /// <summary>Hours for which its results are kept, where it asked for less than the setting says.</summary>
    public int? RetentionHours { get; init; }

    /// <summary>What the caller should know of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>W3C traceparent, where the caller's trace is to go on at the Link.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>Runs first in the transaction that accepts a query, perhaps more than once. False: nothing is accepted.</summary>
delegate Task<bool> AcceptCondition(System.Data.Common.DbTransaction t, Guid queryId);

/// <summary>One session of one run of one Link.</summary>
sealed record SessionReference(Guid LinkId, Guid RunId, Guid SessionId);

/// <summary>An immediate query that goes to a Link.</summary>
/// <param name="Session">The session over which it is sent, and over no other: a later Hello judges by it.</param>
/// <param name="At">When it is sent.</param>
/// <param name="Deadline">When the API settles it if nobody has said how it ended.</param>
sealed record SentQuery(NewQuery Query, SessionReference Session, DateTimeOffset At, DateTimeOffset Deadline);

/// <summary>How a query ended: the one shape for it, from whoever says so until the ledger has it and its caller is told.</summary>
/// <param name="Status">A final state.</param>
/// <param name="By">Who ends it.</param>
sealed record Settlement(QueryStatus Status, Mover By)
{
    /// <summary>An end that the service reaches by itself: kind, HTTP status and text follow from the code (<see cref="Failure"/>), so nothing is encrypted for it.</summary>
    /// <param name="code">One of <see cref="FailureCodes"/>.</param>
    public static Settlement Of(QueryStatus status, Mover by, Executed executed, string code) => new(status, by) { Executed = executed, Error = Failure.Of(code) };

    /// <summary>When that became known; null: as it is written.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Whether the database did it; null on <see cref="QueryStatus.Successful"/> alone.</summary>
    public Executed? Executed { get; init; }

    public ErrorDetails? Error { get; init; }

    public long? Rows { get; init; }

    public long? RowsAffected { get; init; }

    /// <summary>Bytes of the result as JSON.</summary>
    public long? Size { get; init; }

    public int? ResultSets { get; init; }

    public WorkTimings? Timings { get; init; }

    public double? UploadMs { get; init; }

    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>What each command of a batch brought; null of one command.</summary>
    public IReadOnlyList<BatchResult>? Results { get; init; }

    /// <summary>An immediate query: all of them. An async one: the database's, which follow those of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Until the Link tries a database again that cannot be had, in milliseconds. The caller is told; the ledger does not have it.</summary>
    public int? RetryAfterMs { get; init; }
}

/// <summary>What became of an attempt to move a query.</summary>
/// <param name="Accepted">It moved, or had moved so before by the same report.</param>
/// <param name="Status">Where it stands now; null: there is no such query.</param>
sealed record MoveResult(bool Accepted, QueryStatus? Status)
{
    /// <summary>Whether this very call moved it: false for a repeat.</summary>
    public bool Moved { get; init; }

    /// <summary>It was told by a Link, or by a run of it, that does not hold the query: nothing changed.</summary>
    public bool NotHeld { get; init; }

    /// <summary>After a Complete that did not hold: pages to send again. Empty: they are all here, but are not what the report says.</summary>
    public IReadOnlyList<int>? MissingPages { get; init; }

    /// <summary>The deadline that an async query was given by this move: it is to be watched. Null: none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>An async query that this move has ended; null: it did not end by it.</summary>
    public SettledQuery? Settled { get; init; }
}

/// <summary>A query that has just become final. Whoever settled it does what follows, after the commit.</summary>
sealed record SettledQuery(Guid QueryId, Guid IntegratorId, QueryMode Mode, QueryStatus Status)
{
    /// <summary>Whatever is stored of its pages goes, also what never came into the manifest: a page may have been stored whose row was never written.</summary>
    public bool DropsPages => Mode == QueryMode.Async && Status != QueryStatus.Successful;

    /// <summary>Pages that stay; what else is stored of the query goes: an earlier claim delivered it, or its row was never written. Null: nothing is to be looked through.</summary>
    public IReadOnlyList<PageName>? KeptPages { get; init; }
}

/// <summary>What a Link has taken.</summary>
/// <param name="Claims">In the order of their numbers.</param>
/// <param name="Unreadable">Queries whose commands can never be read again: settled, and given to nobody.</param>
sealed record ClaimBatch(IReadOnlyList<ClaimedQuery> Claims, IReadOnlyList<SettledQuery> Unreadable);

/// <summary>An async query that a Link has just taken.</summary>
/// <param name="Number">Upwards among the Link's claims, without gaps.</param>
/// <param name="Deadline">When the API settles it if the Link is silent.</param>
sealed record ClaimedQuery(
    Guid QueryId, Guid ClaimId, long Number, Guid SiteId, Guid IntegratorId, QueryCommand Command, int ExecutionLimit, DateTimeOffset Deadline)
{
    /// <summary>All commands of a batch, of which <see cref="Command"/> is the first; null: there is one.</summary>
    public CommandBatch? Batch { get; init; }

    public string? Catalogue { get; init; }

    public int ResultSet { get; init; }

    public string? Tag { get; init; }

    /// <summary>W3C traceparent.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The <c>Idempotency-Key</c> that stands for it; null: none does any more.</summary>
    public string? IdempotencyKey { get; init; }
}

/// <summary>Queries that are not final.</summary>
/// <param name="Oldest">When the oldest of them was accepted.</param>
sealed record OpenQueries(QueryStatus Status, long Count, DateTimeOffset Oldest);

/// <summary>What a Hello settled.</summary>
/// <param name="Verdicts">One for each claim that the Link holds, in its order.</param>
/// <param name="Settled">Queries that became final by it.</param>
/// <param name="Requeued">Queries that wait again.</param>
sealed record HelloSettled(IReadOnlyList<ClaimVerdict> Verdicts, IReadOnlyList<SettledQuery> Settled, IReadOnlyList<RequeuedQuery> Requeued);

/// <summary>A query whose claim was lost before it began.</summary>
/// <param name="Deadline">When its time in the queue is over.</param>
sealed record RequeuedQuery(Guid QueryId, DateTimeOffset Deadline);

/// <summary>What a wish to cancel has come to.</summary>
/// <param name="Status">Where the query stands now; null: there is no such query of this integrator at this site.</param>
/// <param name="AskLink">The Link that has it and must be told; null: nothing more to do.</param>
sealed record CancelResult(QueryStatus? Status, Guid? AskLink)
{
    /// <summary>It had ended before it was asked to.</summary>
    public bool WasFinal { get; init; }

    /// <summary>What became final by the wish, or was found to be over.</summary>
    public IReadOnlyList<SettledQuery> Settled { get; init; } = [];
}

/// <summary>One row of the manifest: a page that exists.</summary>
/// <param name="PageNumber">From 1.</param>
/// <param name="RowStart">Index of its first row, from 0.</param>
/// <param name="JsonSize">Bytes of its JSON.</param>
/// <param name="StoredSize">Bytes as compressed by the Link.</param>
/// <param name="Digest">SHA-256 of the compressed bytes, base64.</param>
sealed record PageRow(Guid QueryId, int PageNumber, long RowStart, long RowCount, long JsonSize, long StoredSize, string Digest);

/// <summary>What became of a page, and of its bytes, which are stored already.</summary>
/// <param name="LeftOver">Which stored bytes are nobody's; they are the caller's to remove.</param>
sealed record AddedPage(AddPageResult Result, LeftOverPages LeftOver = LeftOverPages.None);

/// <summary>Which stored bytes of a query are nobody's.</summary>
enum LeftOverPages
{
    None,

    /// <summary>Those of the page that was just delivered.</summary>
    ThisPage,

    /// <summary>All of the query.</summary>
    All,
}

/// <summary>What became of a page.</summary>
enum AddPageResult
{
    /// <summary>Its row is durable now.</summary>
    Added,

    /// <summary>The same page was there already.</summary>
    AlreadyThere,

    /// <summary>Another page with this number is there.</summary>
    Different,

    /// <summary>The query is not this claim's, or is final.</summary>
    NotWanted,
}

/// <summary>What is encrypted in the column <c>detail</c>.</summary>
sealed record QueryDetail
{
    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>Of a batch, each command's; null of one command.</summary>
    public IReadOnlyList<BatchResult>? Results { get; init; }

    public ErrorDetails? Error { get; init; }

    /// <summary>Of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Of the database.</summary>
    public IReadOnlyList<Notice>? DatabaseNotices { get; init; }

    internal bool IsEmpty =>
        Columns is null or [] && Parameters is null or [] && Results is null && Error is null && Notices is null or [] && DatabaseNotices is null or [];
}

/// <summary>Times of the ledger: sections <c>Halo:Limits</c> and <c>Halo:Links</c>.</summary>
sealed record LedgerOptions
{
    /// <summary>How long after its execution limit the API waits for the Link's word before it settles a claimed query. Default 10 s, as <see cref="QueryLimits.GraceMs"/>.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an async query whose <c>maxTimeInQueue</c> is 0 waits nevertheless, so that an online Link can claim it.
    /// Default 2 s.
    /// </summary>
    public TimeSpan AtOnce { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the delivery of pages may take once the database has answered. Default 60 minutes.</summary>
    public TimeSpan UploadLimit { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>
    /// How long after the service's start a Link may take to tell what it finished meanwhile: it dials at least every 60 s,
    /// and then needs a token and a Hello. Default 90 s, as <see cref="LivenessOptions.ReturnWithinMs"/>.
    /// </summary>
    public TimeSpan LinksReturnWithin { get; init; } = TimeSpan.FromSeconds(90);
}
