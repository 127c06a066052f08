using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Settings;
using Halo.Api.Storage;

namespace Halo.Api.Results.Retention;

/// <summary>
/// Takes away what has been kept as long as it should: results and details, answers for repeats, rows of the ledger, the audit log.
/// One timer, set to when the oldest of all falls due; small steps, between which other writes go.
/// </summary>
/// <remarks>Nothing is given out past its time, whenever this comes to it: reading judges by the clock.</remarks>
sealed partial class RetentionWatch(
    QueryLedger ledger, IdempotencyStore answers, AuditLog audit, OrphanedPages orphans, ResultOptions results, RetentionOptions options,
    TimeProvider time, ILogger<RetentionWatch> log) : IAsyncDisposable
{
    // What falls due within a minute goes together.
    static readonly TimeSpan AtMostEach = TimeSpan.FromMinutes(1);
    static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    readonly Lock _lock = new();
    readonly CancellationTokenSource _stopping = new();
    ITimer? _timer;
    DateTimeOffset? _set;
    DateTimeOffset? _hint;
    bool _isRunning;
    bool _isFailing;
    bool _orphansGone;
    Task _round = Task.CompletedTask;

    TimeSpan ForResults => TimeSpan.FromHours(results.RetentionHours);

    TimeSpan ForQueries => TimeSpan.FromDays(options.LedgerDays);

    TimeSpan ForAudit => TimeSpan.FromDays(options.AuditDays);

    /// <summary>Takes what is due, and the orphans, in the background; then watches.</summary>
    public void Start()
    {
        ledger.Settled += OnSettled;
        _timer = time.CreateTimer(static me => ((RetentionWatch)me!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Fire();
    }

    /// <summary>Stops, and waits for a step that is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        ledger.Settled -= OnSettled;
        Task round;
        lock (_lock)
        {
            _stopping.Cancel();
            round = _round;
        }
        if (_timer is not null)
            await _timer.DisposeAsync();
        await round;
        _stopping.Dispose();
    }

    /// <summary>What ends now falls due after everything of its kind: it matters only where the timer is set to something far away.</summary>
    void OnSettled(IReadOnlyList<Guid> queries)
    {
        lock (_lock)
        {
            var due = time.GetUtcNow() + ForResults;
            // A round may have looked already: its end takes this into account.
            if (_isRunning)
                _hint ??= due;
            else if (!_stopping.IsCancellationRequested && !(_set <= due))
                Set(ForResults);
        }
    }

    void Set(TimeSpan wait)
    {
        wait = wait < AtMostEach ? AtMostEach : wait > LongestTimer ? LongestTimer : wait;
        _set = time.GetUtcNow() + wait;
        _timer?.Change(wait, Timeout.InfiniteTimeSpan);
    }

    void Fire()
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested || _isRunning)
                return;
            _isRunning = true;
            (_set, _hint) = (null, null);
            _round = Task.Run(RoundAsync);
        }
    }

    async Task RoundAsync()
    {
        TimeSpan? next;
        try
        {
            await TakeAsync();
            next = await NextAsync();
            if (_isFailing)
                LogRecovered();
            _isFailing = false;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            if (!_isFailing)
                LogFailing(e.GetType().Name);
            _isFailing = true;
            next = AtMostEach;
        }
        lock (_lock)
        {
            _isRunning = false;
            if (_hint - time.GetUtcNow() is { } hinted && !(next <= hinted))
                next = hinted;
            if (!_stopping.IsCancellationRequested && next is { } wait)
                Set(wait);
        }
    }

    async Task TakeAsync()
    {
        var now = time.GetUtcNow();
        var sum = new Forgotten(0, 0, 0);
        while (!_stopping.IsCancellationRequested && await ledger.ForgetResultsAsync(now - ForResults) is { IsAny: true } step)
            sum = new(sum.Queries + step.Queries, sum.Pages + step.Pages, sum.Bytes + step.Bytes);
        var kept = await AllAsync(answers.ForgetAsync);
        var queries = await AllAsync(() => ledger.ForgetQueriesAsync(now - ForQueries));
        var lines = await AllAsync(() => audit.ForgetAsync(now - ForAudit));
        Telemetry.Removed(sum.Queries, sum.Pages, sum.Bytes, kept, queries, lines);
        if (sum.IsAny || kept + queries + lines > 0)
            LogTaken(sum.Queries, sum.Pages, sum.Bytes, kept, queries, lines);
        if (_orphansGone)
            return;
        await orphans.RemoveAsync(_stopping.Token);
        _orphansGone = true;
    }

    async Task<int> AllAsync(Func<Task<int>> step)
    {
        var all = 0;
        while (!_stopping.IsCancellationRequested && await step() is > 0 and var taken)
            all += taken;
        return all;
    }

    /// <summary>How long until the oldest of anything falls due; null: nothing is kept.</summary>
    async Task<TimeSpan?> NextAsync()
    {
        DateTimeOffset?[] due =
        [
            await ledger.OldestKeptAsync() + ForResults,
            await answers.NextExpiryAsync(),
            await ledger.OldestQueryAsync() + ForQueries,
            await audit.OldestAsync() + ForAudit,
        ];
        // One millisecond more, so that what is due at that moment is due then.
        return due.Min() - time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
    }

    [LoggerMessage(1321, LogLevel.Information,
        "No longer kept: results and details of {Queries} queries with {Pages} pages ({Bytes} bytes), {Answers} answers for repeats, {Rows} rows of the ledger, {Lines} lines of the audit log")]
    partial void LogTaken(int queries, int pages, long bytes, int answers, int rows, int lines);

    [LoggerMessage(1322, LogLevel.Error, "What is kept too long could not be removed ({Exception}); trying again every minute until it works")]
    partial void LogFailing(string exception);

    [LoggerMessage(1323, LogLevel.Information, "What is kept too long is removed again")]
    partial void LogRecovered();
}
