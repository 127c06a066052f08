using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.LinkProtocol.Failures;

/// <summary>
/// The failures that the service and its Links report themselves: code, kind, HTTP status and text of each. Not here: a database's own errors, and texts that
/// name an engine's, a policy's or a setting's particulars, which take code and status from here (<see cref="Of(string, string, int?)"/>).
/// </summary>
public static class Failure
{
    /// <summary>The usual words of a code.</summary>
    /// <param name="code">One of <see cref="FailureCodes"/>.</param>
    public static ErrorDetails Of(string code) => Of(code, FailureTable.TextOf(code));

    /// <summary>Words of its own for a code.</summary>
    /// <param name="code">One of <see cref="FailureCodes"/>.</param>
    /// <param name="text">What happened, what is known of the command, what to do.</param>
    /// <param name="status">The HTTP status, where it is another than the code's usual one.</param>
    public static ErrorDetails Of(string code, string text, int? status = null) =>
        new(FailureTable.TypeOf(code), status ?? FailureTable.StatusOf(code), text) { Code = code };

    /// <inheritdoc cref="Of(string, string, int?)"/>
    public static ErrorDetails Of(string code, FormattableString text) => Of(code, text.ToString(CultureInfo.InvariantCulture));

    /// <summary>What is known of a command's effect, as the end of a sentence.</summary>
    public static string Fate(Executed executed) => executed switch
    {
        Executed.Yes => "it had already taken effect.",
        Executed.No => "it was rolled back.",
        _ => "it may have taken effect.",
    };

    // Before it was sent

    /// <summary>The site is away and the query would not, or need not, wait.</summary>
    public static ErrorDetails SiteAway(SiteAvailability availability) => Of(FailureCodes.SiteAway, availability == SiteAvailability.Offline
        ? "The site is offline: its Halo Link was stopped. Nothing ran; try again later, or ask async with a longer maxTimeInQueue."
        : "The site is unreachable: nothing was heard of it for two minutes. Nothing ran; try again later, or ask async with a longer maxTimeInQueue.");

    /// <summary>It waited for a session as long as it may.</summary>
    /// <param name="maxTimeInQueue">Milliseconds.</param>
    public static ErrorDetails QueueTimeout(int maxTimeInQueue) => Of(FailureCodes.QueueTimeout,
        (FormattableString)$"The query waited {maxTimeInQueue} ms without being started. Nothing ran; try again, or with a longer maxTimeInQueue.");

    /// <summary>The service held as much of results as it may for as long as the query may wait.</summary>
    /// <param name="maxTimeInQueue">Milliseconds.</param>
    public static ErrorDetails NoRoom(int maxTimeInQueue) => Of(FailureCodes.QueueTimeout,
        (FormattableString)$"The service holds as many results for callers as it may, and for {maxTimeInQueue} ms none was taken. Nothing ran; try again shortly.");

    /// <summary>The right to query the site was taken away before the command left.</summary>
    /// <param name="refusal">Why the caller may not, with its HTTP status.</param>
    public static ErrorDetails RightTaken(int status, string refusal) => Of(FailureCodes.CancelledByOperator, refusal + " Nothing ran.", status);

    // At the Link, before it began

    /// <summary>It waited in the Link's lane as long as it may.</summary>
    public static ErrorDetails LaneTimeout { get; } = Of(FailureCodes.QueueTimeout,
        "The query waited at the site's Link, behind others, as long as it may. Nothing ran; try again, or with a longer maxTimeInQueue.");

    public static ErrorDetails CancelledBeforeItBegan { get; } = Of(FailureCodes.CancelledByIntegrator, "The query was cancelled at the integrator's request before it began. Nothing ran.");

    public static ErrorDetails LinkStoppedBeforeItBegan { get; } = Of(FailureCodes.LinkStopping, "The site's Link was stopped before it could begin the query. Nothing ran.");

    /// <summary>A run that is over had written the claim down and not begun it.</summary>
    public static ErrorDetails LinkDiedBeforeItBegan { get; } = Of(FailureCodes.LinkLost,
        "The site's Link ended before it began this query. Nothing ran; it is safe to send it again.", 503);

    /// <summary>More is waiting and running at the Link than it takes.</summary>
    public static ErrorDetails LinkFull { get; } = Of(FailureCodes.LinkError,
        "The site's Link is at its limit of waiting and running queries. Nothing ran; try again later.", 503);

    public static ErrorDetails SeenBefore { get; } = Of(FailureCodes.LinkError, "The site's Link has already received a query with this id and does not run it again.", 409);

    public static ErrorDetails NotUnderstood { get; } = Of(FailureCodes.LinkError,
        "The site's Link is older than what the query asks for and could not read it. Nothing ran. Ask the practice to update Halo Link.", 400);

    /// <summary>A value of the query is beyond what the Link takes.</summary>
    public static ErrorDetails OutOfRange(string fault) => Of(FailureCodes.LinkError, fault, 400);

    /// <summary>It could not be written down, so it was not begun.</summary>
    public static ErrorDetails JournalRefused { get; } = Of(FailureCodes.LinkError,
        "The site's Link could not write to its journal, so it did not begin this query. Nothing ran. Ask the practice to look at the disk of its Halo Link.", 503);

    /// <summary>Another query was begun under the same <c>Idempotency-Key</c>.</summary>
    /// <param name="known">Whether the database did that one.</param>
    public static ErrorDetails AlreadyExecuted(Executed known) => known == Executed.Yes
        ? Of(FailureCodes.AlreadyExecuted,
            "A query with this Idempotency-Key was executed at this practice before, and its answer is not known any more: the service was restored from a backup. This one did not run.")
        : Of(FailureCodes.AlreadyExecuted,
            "A query with this Idempotency-Key was begun at this practice before and may have taken effect; its answer is not known any more. This one did not run. "
            + "Look in the database before you repeat it with another key.", 504);

    // While it ran

    public static ErrorDetails TimedOut(Executed executed) => Of(FailureCodes.ExecutionTimeout, "The execution limit was reached and the statement cancelled; " + Fate(executed));

    /// <summary>It held up one of the practice's own sessions.</summary>
    public static ErrorDetails BlockedPractice(Executed executed) => Of(FailureCodes.BlockedPractice,
        "One of the practice's own programs waited for a lock that the command held, for longer than the practice allows, and the statement was cancelled; "
        + Fate(executed) + " Ask for less at once, or at another hour.");

    /// <summary>The connection between Link and database broke.</summary>
    public static ErrorDetails DatabaseConnectionLost(Executed executed) => Of(FailureCodes.DatabaseConnectionLost, "The connection to the database was lost while the command ran; " + Fate(executed));

    /// <summary>The database did not answer in time to a connection.</summary>
    public static ErrorDetails DatabaseSilent { get; } = Of(FailureCodes.DatabaseUnavailable, "The database did not answer while the Link connected to it. Nothing ran.");

    /// <param name="kind">What the driver threw, by its type.</param>
    public static ErrorDetails DriverFailed(string kind, Executed executed) => Of(FailureCodes.LinkError, $"The database's driver could not carry out the command ({kind}); " + Fate(executed));

    /// <summary>The process in which the Link queries SQLite ended.</summary>
    public static ErrorDetails WorkerLost(Executed executed) => Of(FailureCodes.LinkError, "The process in which the Link queries SQLite ended in the middle of the command; " + Fate(executed));

    public static ErrorDetails WorkerNotStarted { get; } = Of(FailureCodes.LinkError,
        "The Link could not start the process in which it queries SQLite; its log says why. Nothing ran.");

    public static ErrorDetails OpenTransaction { get; } = Of(FailureCodes.OpenTransaction,
        "The command left a transaction open; it was rolled back. A command must commit what it begins.");

    /// <summary>A command of a batch ended the batch's transaction.</summary>
    public static ErrorDetails TransactionEnded(Executed executed) => Of(FailureCodes.TransactionEnded,
        "The command ended the transaction of its batch; " + Fate(executed) + " The batch is one transaction, which the Link begins and commits: leave out BEGIN, COMMIT and ROLLBACK.");

    public static ErrorDetails InvalidParameters(IReadOnlyList<FieldError> faults) =>
        Of(FailureCodes.InvalidParameter, string.Join(' ', faults.Select(f => f.Message))) with { Errors = faults };

    /// <summary>The rows were not taken in time.</summary>
    public static ErrorDetails SlowReader(TimeSpan patience) => Of(FailureCodes.SlowReader,
        (FormattableString)$"The rows of the result were not taken for {patience.TotalSeconds:0.#} s (the practice's protection.slowReaderMs). The statement was cancelled, so that it holds no locks. Read faster, ask for less, or use an async query.");

    /// <summary>The Link was stopped in order.</summary>
    public static ErrorDetails LinkStopping(Executed executed) => Of(FailureCodes.LinkStopping, "The site's Link was stopped while it had this query; " + Fate(executed));

    /// <summary>The run of the Link that had it is over, and it was in the database.</summary>
    public static ErrorDetails LinkDied { get; } = Of(FailureCodes.LinkLost, "The site's Link ended while the database had this query. It may have taken effect.");

    /// <param name="begun">Whether the database may have had it.</param>
    public static ErrorDetails LinkFault(bool begun) => Of(FailureCodes.LinkError,
        begun ? "The site's Link failed because of an internal error while it had this query. It may have taken effect. The Link's log has the details." : "The site's Link failed because of an internal error. Nothing ran.");

    // Its result

    /// <param name="maxBytes">The limit.</param>
    public static ErrorDetails ResultTooLarge(long maxBytes) => Of(FailureCodes.ResultTooLarge,
        (FormattableString)$"The result is over the limit of {maxBytes} bytes; the command was executed. Ask for less, stream the rows (Accept: application/x-ndjson or text/csv), or use an async query.");

    /// <summary>The Link's disk buffer is full.</summary>
    public static ErrorDetails SpoolFull { get; } = Of(FailureCodes.SpoolFull,
        "The Link's disk buffer is full and the uplink too slow to empty it; the statement was cancelled. Ask for less at once, or try again when the line is free.");

    public static ErrorDetails LinkDiskFull { get; } = Of(FailureCodes.SpoolFull, "The disk of the site's Link is full; the statement was cancelled. Ask the practice to make room there.");

    public static ErrorDetails LinkDiskFailed { get; } = Of(FailureCodes.LinkError,
        "The site's Link could not write to its disk buffer; the statement was cancelled. Ask the practice to look at the disk of its Halo Link.");

    public static ErrorDetails PageLost { get; } = Of(FailureCodes.PageLost, "A page of the result was lost, damaged or refused before it could be delivered. See 'executed'.");

    /// <summary>The Link could not tell, or the service would not take, what the query brought.</summary>
    public static ErrorDetails ResultUntold { get; } = Of(FailureCodes.LinkError, "The query ended, and its result or error could not be told to the Halo API; see 'executed'.");

    /// <summary>A Link told of a query's end in a message that is too large or cannot be read.</summary>
    public static ErrorDetails Unreadable { get; } = Of(FailureCodes.LinkError,
        "The site's Link told how the query ended in a message that could not be read; its result is lost. See 'executed'.");

    public static ErrorDetails NoReason { get; } = Of(FailureCodes.LinkError, "The site's Link could not say how the query ended.");

    // No word of it

    /// <summary>Nothing was heard of it in time.</summary>
    public static ErrorDetails NoAnswer { get; } = Of(FailureCodes.NoAnswer,
        "The site did not answer in time; the query was sent and may have taken effect. GET on its id tells what became of it.");

    public static ErrorDetails RowsLost { get; } = Of(FailureCodes.NoAnswer, "The query was executed, but its rows were lost on the way.");

    /// <summary>A repeat that waited as long as it may for the first.</summary>
    public static ErrorDetails StillRunning { get; } = Of(FailureCodes.NoAnswer,
        "The first request with this Idempotency-Key has not ended yet; it may have taken effect. Repeat this one later, or GET its id.");

    /// <summary>The store could not take how it ended.</summary>
    public static ErrorDetails NotRecorded(Executed executed) => Of(FailureCodes.NoAnswer,
        $"The query ended at the site (executed: {executed.ToString().ToLowerInvariant()}), but the service could not record it, so its answer is not given. "
        + "Do not repeat a write blindly: GET on its id tells what became of it once the record is made.");
}
