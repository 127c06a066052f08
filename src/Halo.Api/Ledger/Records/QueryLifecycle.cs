using System.Collections.Frozen;
using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>Who moves a query from one state to the next.</summary>
enum Mover
{
    /// <summary>The service itself: stored, sent, time over, Link lost.</summary>
    Api,

    /// <summary>The Link, by a claim, a report or an outcome.</summary>
    Link,

    /// <summary>The integrator asked to cancel.</summary>
    Integrator,

    /// <summary>An operator moved, removed or disabled something.</summary>
    Operator,

    /// <summary>A backup was restored: whatever was open then may have been done since.</summary>
    Restore,
}

/// <summary>One allowed move.</summary>
/// <param name="From">The state it leaves.</param>
/// <param name="To">The state it reaches.</param>
/// <param name="By">Who may.</param>
/// <param name="Mode">The kind of query it is for; null: both.</param>
sealed record Move(QueryStatus From, QueryStatus To, IReadOnlyList<Mover> By, QueryMode? Mode = null);

/// <summary>The one table of what may follow what. Every update of a query's state takes the states it may leave from here.</summary>
static class QueryLifecycle
{
    /// <summary>Every allowed move. A query starts as <see cref="QueryStatus.Initialising"/>.</summary>
    public static IReadOnlyList<Move> Moves { get; } =
    [
        new(QueryStatus.Initialising, QueryStatus.Queued, [Mover.Api], QueryMode.Async),
        new(QueryStatus.Initialising, QueryStatus.Executing, [Mover.Api], QueryMode.Immediate),
        new(QueryStatus.Initialising, QueryStatus.InitialisationFailedCacheError, [Mover.Api]),
        new(QueryStatus.Initialising, QueryStatus.InitialisationFailedSiteOffline, [Mover.Api]),
        new(QueryStatus.Initialising, QueryStatus.InitialisationFailedSiteUnreachable, [Mover.Api]),
        new(QueryStatus.Initialising, QueryStatus.ExpiredInQueue, [Mover.Api, Mover.Link], QueryMode.Immediate),
        new(QueryStatus.Initialising, QueryStatus.Cancelled, [Mover.Integrator], QueryMode.Immediate),

        new(QueryStatus.Queued, QueryStatus.Executing, [Mover.Link], QueryMode.Async),
        new(QueryStatus.Queued, QueryStatus.ExpiredInQueue, [Mover.Api], QueryMode.Async),
        new(QueryStatus.Queued, QueryStatus.Cancelled, [Mover.Integrator, Mover.Operator], QueryMode.Async),

        // The ledger writes an immediate query as executing when it is sent; that its time was over in the lane is learnt later.
        new(QueryStatus.Executing, QueryStatus.ExpiredInQueue, [Mover.Api, Mover.Link], QueryMode.Immediate),
        // The Link hands it back, or its claim never reached the Link.
        new(QueryStatus.Executing, QueryStatus.Queued, [Mover.Link, Mover.Api], QueryMode.Async),
        new(QueryStatus.Executing, QueryStatus.Uploading, [Mover.Link], QueryMode.Async),
        new(QueryStatus.Executing, QueryStatus.Successful, [Mover.Link]),
        new(QueryStatus.Executing, QueryStatus.ExecutionFailed, [Mover.Link, Mover.Api, Mover.Restore]),
        new(QueryStatus.Queued, QueryStatus.ExecutionFailed, [Mover.Restore], QueryMode.Async),
        new(QueryStatus.Uploading, QueryStatus.ExecutionFailed, [Mover.Restore], QueryMode.Async),
        new(QueryStatus.Executing, QueryStatus.UploadFailed, [Mover.Link, Mover.Api], QueryMode.Async),
        new(QueryStatus.Executing, QueryStatus.Cancelled, [Mover.Link, Mover.Api]),

        new(QueryStatus.Uploading, QueryStatus.Successful, [Mover.Link], QueryMode.Async),
        new(QueryStatus.Uploading, QueryStatus.UploadFailed, [Mover.Link, Mover.Api], QueryMode.Async),
        new(QueryStatus.Uploading, QueryStatus.Cancelled, [Mover.Link, Mover.Api], QueryMode.Async),
    ];

    static readonly FrozenDictionary<QueryStatus, string> Words =
        Enum.GetValues<QueryStatus>().ToFrozenDictionary(s => s, s => JsonNamingPolicy.CamelCase.ConvertName(s.ToString()));

    static readonly FrozenDictionary<string, QueryStatus> Statuses = Words.ToFrozenDictionary(w => w.Value, w => w.Key);

    static readonly FrozenDictionary<(QueryStatus, Mover, QueryMode), string> LeavingLists = (
        from to in Words.Keys
        from mover in Enum.GetValues<Mover>()
        from mode in Enum.GetValues<QueryMode>()
        select (to, mover, mode)).ToFrozenDictionary(k => k, k => ListOf(k.to, k.mover, k.mode));

    /// <summary>Whether a query in this state stays there for ever.</summary>
    public static bool IsFinal(QueryStatus status) =>
        status is not (QueryStatus.Initialising or QueryStatus.Queued or QueryStatus.Executing or QueryStatus.Uploading);

    /// <summary>Whether the move is in the table.</summary>
    public static bool Allows(QueryStatus from, QueryStatus to, Mover by, QueryMode mode) =>
        Moves.Any(m => m.From == from && m.To == to && m.By.Contains(by) && (m.Mode is null || m.Mode == mode));

    /// <summary>The state in the words of the contract and of the store.</summary>
    public static string Word(QueryStatus status) => Words[status];

    /// <summary>The state behind a word of the store.</summary>
    public static QueryStatus Parse(string word) => Statuses[word];

    /// <summary>The state behind a caller's word, in any case; null: there is none.</summary>
    public static QueryStatus? TryParse(string word) =>
        Enum.TryParse<QueryStatus>(word, ignoreCase: true, out var status) && Words.TryGetValue(status, out var exact)
            && exact.Equals(word, StringComparison.OrdinalIgnoreCase) ? status : null;

    /// <summary>Every state's word, in the order of a life.</summary>
    public static IEnumerable<string> AllWords => Enum.GetValues<QueryStatus>().Select(Word);

    /// <summary>For SQL: <c>mode = 'async' AND status IN ('executing', 'uploading')</c>, the condition under which a query may be moved so.</summary>
    /// <param name="row">What stands before the columns: <c>queries.</c> where they would have two meanings.</param>
    /// <exception cref="InvalidOperationException">The table has no such move.</exception>
    public static string MayBecome(QueryStatus to, Mover by, QueryMode mode, string row = "") =>
        LeavingLists[(to, by, mode)] is { Length: > 0 } list
            ? $"{row}mode = '{(mode == QueryMode.Async ? "async" : "immediate")}' AND {row}status IN ({list})"
            : throw new InvalidOperationException($"No {mode} query becomes {to} by {by}.");

    static string ListOf(QueryStatus to, Mover by, QueryMode mode) => string.Join(", ",
        Moves.Where(m => m.To == to && m.By.Contains(by) && (m.Mode is null || m.Mode == mode)).Select(m => $"'{Words[m.From]}'"));
}
