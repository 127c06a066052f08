using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;

namespace Halo.Api.Queries;

/// <summary>Settles queries at the moment of their deadline, wherever their Link is: one timer, set to the earliest deadline of all.</summary>
/// <remarks>
/// Whoever gives a deadline on this node calls <see cref="Hint"/> after the commit, which moves the timer earlier at once. It asks the store only when something is due, at start, and
/// after another node could have left something behind.
/// </remarks>
/// <param name="settled">Does what follows a settlement: given what became final, after the commit.</param>
/// <param name="withhold">Before queries are settled: writes the ends that are known here, and names the queries whose end the store still does not have. Null: none is known.</param>
/// <param name="longestSleep">
/// With many nodes: how long another node's deadline may go unnoticed if that node dies. Null: one node, so there are no others.
/// </param>
sealed partial class DeadlineWatch(
    Deadlines deadlines, Func<IReadOnlyList<SettledQuery>, Task> settled, TimeProvider time, ILogger<DeadlineWatch> log, TimeSpan? longestSleep = null,
    Func<Task<IReadOnlySet<Guid>>>? withhold = null) : IHostedService, IAsyncDisposable
{
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(2);

    /// <summary>The timer runs by the monotonic clock and deadlines by the other, which somebody may set: so long at most goes by before that is noticed.</summary>
    static readonly TimeSpan LongestTimer = TimeSpan.FromMinutes(1);

    /// <summary>What the clock may go ahead or behind between two looks, as time servers let it, without being said to have jumped.</summary>
    static readonly TimeSpan JumpFrom = TimeSpan.FromSeconds(2);

    readonly Lock _lock = new();
    ITimer? _timer;
    DateTimeOffset? _set;
    (DateTimeOffset At, long Timestamp) _looked;
    Task _round = Task.CompletedTask;
    bool _isRunning;
    bool _isFailing;
    bool _isStopped;

    /// <summary>Settles what fell due while the service was down, in the background, and watches from then on.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _looked = BothClocks();
        _timer = time.CreateTimer(static me => ((DeadlineWatch)me!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Fire();
        return Task.CompletedTask;
    }

    /// <summary>There is a deadline at this time.</summary>
    public void Hint(DateTimeOffset deadline)
    {
        lock (_lock)
        {
            if (_isStopped || _timer is null || _set <= deadline)
                return;
            Set(deadline);
        }
    }

    /// <summary>Stops and waits for a step that is under way.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task round;
        lock (_lock)
        {
            _isStopped = true;
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

    void Set(DateTimeOffset at)
    {
        _set = at;
        // Never early by a rounding: a timer that fires before the moment would find nothing and be set again.
        var wait = at - time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
        _timer!.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestTimer ? LongestTimer : wait, Timeout.InfiniteTimeSpan);
    }

    void Fire()
    {
        lock (_lock)
        {
            if (_isStopped || _isRunning)
                return;
            _isRunning = true;
            // While the round runs hints are compared with what they themselves set; the round's end takes the earlier one.
            _set = null;
            _round = Task.Run(RoundAsync);
        }
    }

    async Task RoundAsync()
    {
        DateTimeOffset? next;
        try
        {
            await FollowClockAsync();
            var isWithheld = await SettleDueAsync();
            next = await deadlines.NextAsync();
            // What is withheld stays due: it is looked at again later, not at once.
            if (isWithheld && next < time.GetUtcNow() + RetryAfter)
                next = time.GetUtcNow() + RetryAfter;
            if (longestSleep is { } longest && (next is null || next > time.GetUtcNow() + longest))
                next = time.GetUtcNow() + longest;
            if (_isFailing)
                LogRecovered(log);
            _isFailing = false;
        }
        catch (Exception e)
        {
            if (!_isFailing)
                LogFailing(log, RetryAfter.TotalSeconds, e);
            _isFailing = true;
            next = time.GetUtcNow() + RetryAfter;
        }
        lock (_lock)
        {
            _isRunning = false;
            if (!_isStopped && next is { } at && (_set is null || at < _set))
                Set(at);
            else if (!_isStopped && _set is { } hinted)
                Set(hinted);
        }
    }

    /// <returns>Whether the store lacks the end of some, which were left out.</returns>
    async Task<bool> SettleDueAsync()
    {
        while (!_isStopped)
        {
            // Of before known ends are written: an end that becomes known after this came after its deadline.
            var now = time.GetUtcNow();
            var withheld = withhold is null ? null : await withhold();
            var ended = await deadlines.SettleDueAsync(now, withheld);
            if (ended.Count == 0)
                return withheld is { Count: > 0 };
            await settled(ended);
        }
        return false;
    }

    /// <summary>A clock that was set since the last look takes the deadlines of what Links have with it.</summary>
    async Task FollowClockAsync()
    {
        var (now, timestamp) = BothClocks();
        var without = _looked.At + time.GetElapsedTime(_looked.Timestamp, timestamp);
        var jump = now - without;
        if (jump.Duration() >= JumpFrom)
        {
            await deadlines.AfterClockJumpAsync(without, jump);
            LogJump(log, Math.Round(jump.TotalSeconds));
        }
        _looked = (now, timestamp);
    }

    /// <summary>Of the same moment: not with a pause of this thread between them, which would look like a jump.</summary>
    (DateTimeOffset, long) BothClocks()
    {
        while (true)
        {
            var timestamp = time.GetTimestamp();
            var now = time.GetUtcNow();
            if (time.GetElapsedTime(timestamp) < JumpFrom / 4)
                return (now, timestamp);
        }
    }

    [LoggerMessage(1201, LogLevel.Error, "Queries whose time is over could not be settled; trying again every {Seconds} s until it works.")]
    static partial void LogFailing(ILogger logger, double seconds, Exception exception);

    [LoggerMessage(1202, LogLevel.Information, "Queries whose time is over are settled again.")]
    static partial void LogRecovered(ILogger logger);

    [LoggerMessage(1203, LogLevel.Warning, "This machine's clock went {Seconds} s ahead of the time that passed, or behind where negative; queries that Links have keep the time they were given.")]
    static partial void LogJump(ILogger logger, double seconds);
}
