using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Registered;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Schemas;
using Halo.Api.Results.Pages;
using Halo.Api.Settings;
using Halo.Api.Storage;

namespace Halo.Api.Results.Retention;

/// <summary>
/// Takes away what has been kept as long as it should: results and details, events, answers for repeats, rows of the ledger, the audit log.
/// One timer, set to when the oldest of all falls due; small steps, between which other writes go.
/// </summary>
/// <remarks>Nothing is given out past its time, whenever this comes to it: reading judges by the clock.</remarks>
sealed partial class RetentionWatch(
    LedgerRetention ledger, RegisteredRetention registered, SurveyRetention surveys, SchemaRetention schemas, EventRetention events, EventOptions told, IPageStore pages, IdempotencyStore answers, AuditLog audit, OrphanedPages orphans, ResultOptions kept, RetentionOptions options,
    TimeProvider time, ILogger<RetentionWatch> log) : IHostedService, IAsyncDisposable
{
    // What falls due within a minute goes together.
    static readonly TimeSpan AtMostEach = TimeSpan.FromMinutes(1);
    static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);
    static readonly TimeSpan RetryAfter = TimeSpan.FromHours(1);

    // A query may ask for no less (retentionHours).
    static readonly TimeSpan ShortestKept = TimeSpan.FromHours(1);
    static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(2);

    readonly Lock _lock = new();
    readonly CancellationTokenSource _stopping = new();
    ITimer? _timer;
    bool _isRunning;
    bool _isFailing;
    bool _orphansGone;
    Task _round = Task.CompletedTask;

    TimeSpan ForResults => TimeSpan.FromHours(kept.RetentionHours);

    TimeSpan ForEvents => TimeSpan.FromHours(told.RetentionHours);

    TimeSpan ForQueries => TimeSpan.FromDays(options.LedgerDays);

    TimeSpan ForAudit => TimeSpan.FromDays(options.AuditDays);

    /// <summary>Takes what is due, and the orphans, in the background; then watches.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(static me => ((RetentionWatch)me!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Fire();
        return Task.CompletedTask;
    }

    /// <summary>Stops, and waits for a step that is under way.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task round;
        lock (_lock)
        {
            _stopping.Cancel();
            round = _round;
        }
        if (_timer is not null)
            await _timer.DisposeAsync();
        await round.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>The same, for a step that the host did not wait for. A store that does not answer holds up nothing for longer.</summary>
    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(EndsWithin, TimeProvider.System);
        await StopAsync(limit.Token);
    }

    void Fire()
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested || _isRunning)
                return;
            _isRunning = true;
            _round = Task.Run(RoundAsync);
        }
    }

    async Task RoundAsync()
    {
        TimeSpan next;
        try
        {
            await TakeAsync();
            next = await NextAsync();
            if (!_orphansGone && next > RetryAfter)
                next = RetryAfter;
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
            if (!_stopping.IsCancellationRequested)
                _timer?.Change(next < AtMostEach ? AtMostEach : next > LongestTimer ? LongestTimer : next, Timeout.InfiniteTimeSpan);
        }
    }

    async Task TakeAsync()
    {
        var now = time.GetUtcNow();
        var (results, rows, bytes) = (0, 0, 0L);
        while (!_stopping.IsCancellationRequested && await ledger.ForgetResultsAsync(now - ForResults, now) is { IsAny: true } step)
        {
            (results, rows, bytes) = (results + step.Finished.Count, rows + step.Pages, bytes + step.Bytes);
            foreach (var id in step.Finished)
                await DeleteAsync(id);
        }
        await AllAsync(() => registered.ForgetResultsAsync(now - ForResults));
        await AllAsync(() => registered.ForgetQueriesAsync(now - ForQueries));
        await AllAsync(() => events.ForgetAsync(now - ForEvents));
        await AllAsync(() => schemas.ForgetAsync(now - SchemaRetention.Kept));
        var repeats = await AllAsync(answers.ForgetAsync);
        // Before the queries that they made.
        await AllAsync(() => surveys.ForgetAsync(now - ForQueries));
        var queries = await AllAsync(() => ledger.ForgetQueriesAsync(now - ForQueries));
        var lines = await AllAsync(() => audit.ForgetAsync(now - ForAudit));
        Telemetry.Removed(results, rows, bytes, repeats, queries, lines);
        if (results + rows + repeats + queries + lines > 0)
            LogTaken(results, rows, bytes, repeats, queries, lines);
        await pages.RemoveDraftsAsync(_stopping.Token);
        if (_orphansGone)
            return;
        _orphansGone = await orphans.RemoveAsync(_stopping.Token) is { Left: 0 };
    }

    /// <summary>Their key is gone, so what cannot be removed now cannot be read either: it is one of the orphans from here on.</summary>
    async Task DeleteAsync(Guid queryId)
    {
        try
        {
            await pages.DeleteAsync(queryId, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _orphansGone = false;
        }
    }

    async Task<int> AllAsync(Func<Task<int>> step)
    {
        var all = 0;
        while (!_stopping.IsCancellationRequested && await step() is > 0 and var taken)
            all += taken;
        return all;
    }

    /// <summary>How long until the oldest of anything falls due. What ends from now on is kept for an hour at least; so a look before that is enough.</summary>
    async Task<TimeSpan> NextAsync()
    {
        // Before anything is looked at.
        var endsFromNow = time.GetUtcNow() + ShortestKept;
        DateTimeOffset?[] due =
        [
            await ledger.OldestKeptAsync() + ForResults,
            await ledger.NextKeptShorterAsync(),
            await registered.OldestAsync() + ForResults,
            await events.OldestAsync() + ForEvents,
            await answers.NextExpiryAsync(),
            await ledger.OldestQueryAsync() + ForQueries,
            await audit.OldestAsync() + ForAudit,
            endsFromNow,
        ];
        // One millisecond more, so that what is due at that moment is due then.
        return due.Min()!.Value - time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
    }

    [LoggerMessage(1321, LogLevel.Information,
        "No longer kept: results and details of {Queries} queries with {Pages} pages ({Bytes} bytes), {Answers} answers for repeats, {Rows} rows of the ledger, {Lines} lines of the audit log")]
    partial void LogTaken(int queries, int pages, long bytes, int answers, int rows, int lines);

    [LoggerMessage(1322, LogLevel.Error, "What is kept too long could not be removed ({Exception}); trying again every minute until it works")]
    partial void LogFailing(string exception);

    [LoggerMessage(1323, LogLevel.Information, "What is kept too long is removed again")]
    partial void LogRecovered();
}
