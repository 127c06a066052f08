using System.Collections.Concurrent;
using Halo.Api.Ledger.Events;

namespace Halo.Api.Events;

/// <summary>
/// Delivers what stands in the outbox: looks at an integrator's webhooks when something was put in for it, at one webhook when its pump ends, and at all at start.
/// One timer stands at the earliest of what is not due yet.
/// </summary>
/// <param name="random">From 0 to 1, for waits.</param>
/// <param name="lookEvery">With many nodes: how often all are looked at, for what another one put in, or left. Null: one node, so there are no others.</param>
sealed partial class WebhookDeliveries(
    DeliveryStore deliveries, WebhookStore webhooks, WebhookSender sender, EventSignals signals, Func<double> random, TimeProvider time, ILogger<WebhookDeliveries> log, TimeSpan? lookEvery = null)
    : IHostedService, IDisposable
{
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>The timer runs by the monotonic clock and retries by the other, which somebody may set: so long at most goes by before that is noticed.</summary>
    static readonly TimeSpan LongestTimer = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<Guid, WebhookPump> _pumps = new();
    readonly ConcurrentDictionary<Task, bool> _running = new();

    /// <summary>Integrators with something new, and webhooks whose pump has ended, well or not: to be looked at.</summary>
    readonly ConcurrentDictionary<Guid, bool> _raised = new(), _ended = new();

    /// <summary>Of each webhook with something pending, when the earliest is due. The loop's alone, as the next.</summary>
    readonly Dictionary<Guid, DateTimeOffset> _next = [];
    readonly HashSet<Guid> _failingPumps = [];
    readonly CancellationTokenSource _stopping = new();
    readonly Signal _woken = new();
    IDisposable? _subscription;
    Task _loop = Task.CompletedTask;
    long _lookedAtAll;
    bool _isDoneWithAll;
    bool _isFailing;

    /// <summary>Delivers, in the background, from now on.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = signals.Subscribe(null, integrator =>
        {
            _raised[integrator] = true;
            _woken.Set();
        });
        _loop = Task.Run(LoopAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Stops. What is under way is broken off, and tried again after the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _subscription?.Dispose();
        await _stopping.CancelAsync();
        await Task.WhenAll([_loop, .. _running.Keys]).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _subscription?.Dispose();
        _stopping.Cancel();
    }

    async Task LoopAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            _woken.Reset();
            var looked = await LookAsync();
            var now = time.GetUtcNow();
            foreach (var (webhook, _) in _next.Where(n => n.Value <= now))
                Pump(webhook);
            await WaitAsync(looked ? _next.Values.Where(at => at > now).Select(at => (DateTimeOffset?)at).Min() : now + RetryAfter);
        }
    }

    /// <returns>False: the store could not be asked.</returns>
    async Task<bool> LookAsync()
    {
        // Taken out before the store is asked: what comes from now on is looked at once more.
        var raised = Take(_raised);
        var ended = Take(_ended);
        try
        {
            foreach (var (webhook, well) in ended)
            {
                _next.Remove(webhook);
                if (well)
                    _failingPumps.Remove(webhook);
                if (!well)
                {
                    _next[webhook] = time.GetUtcNow() + RetryAfter;
                    if (_failingPumps.Add(webhook))
                        LogPumpFailing(webhook, RetryAfter.TotalSeconds);
                }
                else if (await deliveries.NextAsync(webhook) is { } next)
                    _next[webhook] = next;
            }
            if (!_isDoneWithAll || time.GetElapsedTime(_lookedAtAll) >= lookEvery)
            {
                Note(await deliveries.PendingAsync(null));
                (_isDoneWithAll, _lookedAtAll) = (true, time.GetTimestamp());
            }
            else
            {
                foreach (var step in raised.Select(r => r.Key).Chunk(100))
                    Note(await deliveries.PendingAsync(step));
            }
            if (_isFailing)
                LogRecovered();
            return !(_isFailing = false);
        }
        catch (Exception e)
        {
            raised.ForEach(r => _raised[r.Key] = true);
            ended.ForEach(r => _ended[r.Key] = r.Value);
            if (!_isFailing && !_stopping.IsCancellationRequested)
                LogFailing(RetryAfter.TotalSeconds, e.GetType().Name);
            return !(_isFailing = true);
        }
    }

    static List<KeyValuePair<Guid, bool>> Take(ConcurrentDictionary<Guid, bool> marked)
    {
        var taken = new List<KeyValuePair<Guid, bool>>();
        foreach (var id in marked.Keys)
        {
            if (marked.TryRemove(id, out var value))
                taken.Add(new(id, value));
        }
        return taken;
    }

    void Note(IEnumerable<(Guid WebhookId, DateTimeOffset At)> pending)
    {
        foreach (var (webhook, at) in pending)
            _next[webhook] = at;
    }

    void Pump(Guid webhookId)
    {
        if (_pumps.TryGetValue(webhookId, out var running))
        {
            running.Wake();
            return;
        }
        var pump = _pumps[webhookId] = new(webhookId, webhooks, deliveries, sender, random, time, log);
        var task = Task.Run(() => RunAsync(webhookId, pump), CancellationToken.None);
        _running[task] = true;
        _ = task.ContinueWith(t => _running.TryRemove(t, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    async Task RunAsync(Guid webhookId, WebhookPump pump)
    {
        var well = false;
        try
        {
            await pump.RunAsync(_stopping.Token);
            well = true;
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            LogPumpEnded(webhookId, e.GetType().Name);
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
        finally
        {
            _pumps.TryRemove(webhookId, out _);
            _ended[webhookId] = well;
            _woken.Set();
        }
    }

    async Task WaitAsync(DateTimeOffset? next)
    {
        // Never early by a rounding: a timer that fires before the moment would find nothing and be set again.
        var wait = next is { } at ? at - time.GetUtcNow() + TimeSpan.FromMilliseconds(1) : Timeout.InfiniteTimeSpan;
        if (next is not null && wait > LongestTimer)
            wait = LongestTimer;
        if (lookEvery is { } longest && (next is null || wait > longest))
            wait = longest;
        if (next is null || wait > TimeSpan.Zero)
            await _woken.WaitAsync(wait, time, _stopping.Token);
    }

    [LoggerMessage(1242, LogLevel.Error, "Webhooks cannot be delivered ({Exception}); trying again every {Seconds} s until it works.")]
    partial void LogFailing(double seconds, string exception);

    [LoggerMessage(1243, LogLevel.Information, "Webhooks are delivered again.")]
    partial void LogRecovered();

    [LoggerMessage(1247, LogLevel.Error, "What waits for webhook {WebhookId} cannot be sent; trying again every {Seconds} s until it works.")]
    partial void LogPumpFailing(Guid webhookId, double seconds);

    [LoggerMessage(1248, LogLevel.Debug, "Sending to webhook {WebhookId} ended with {Exception}.")]
    partial void LogPumpEnded(Guid webhookId, string exception);
}
