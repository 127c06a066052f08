using System.Collections.Concurrent;
using Halo.Api.Ledger.Events;

namespace Halo.Api.Events;

/// <summary>Delivers what stands in the outbox: looks when something was put in, when the earliest retry is due, and at start.</summary>
/// <param name="random">From 0 to 1, for waits.</param>
/// <param name="longestSleep">With many nodes: how long what another one put in, or left, may go unnoticed. Null: one node, so there are no others.</param>
sealed partial class WebhookDeliveries(
    DeliveryStore deliveries, WebhookStore webhooks, WebhookSender sender, EventSignals signals, Func<double> random, TimeProvider time, ILogger<WebhookDeliveries> log, TimeSpan? longestSleep = null)
    : IHostedService, IDisposable
{
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>The timer runs by the monotonic clock and retries by the other, which somebody may set: so long at most goes by before that is noticed.</summary>
    static readonly TimeSpan LongestTimer = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<Guid, WebhookPump> _pumps = new();
    readonly ConcurrentDictionary<Task, bool> _running = new();
    readonly CancellationTokenSource _stopping = new();
    readonly Signal _woken = new();
    IDisposable? _subscription;
    Task _loop = Task.CompletedTask;
    bool _isFailing;

    /// <summary>Delivers, in the background, from now on.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = signals.Subscribe(null, Wake);
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

    /// <summary>Something may be due.</summary>
    public void Wake() => _woken.Set();

    async Task LoopAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            _woken.Reset();
            await WaitAsync(await LookAsync());
        }
    }

    /// <returns>When the earliest of what is not due yet is due; null: nothing waits.</returns>
    async Task<DateTimeOffset?> LookAsync()
    {
        try
        {
            var pending = await deliveries.PendingAsync();
            var now = time.GetUtcNow();
            foreach (var (webhook, _) in pending.Where(p => p.At <= now))
                Pump(webhook);
            if (_isFailing)
                LogRecovered();
            _isFailing = false;
            return pending.Where(p => p.At > now).Select(p => (DateTimeOffset?)p.At).Min();
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            Failed(e);
            return time.GetUtcNow() + RetryAfter;
        }
        catch (Exception)
        {
            // The service stops, and the store with it.
            return null;
        }
    }

    void Pump(Guid webhookId)
    {
        if (_pumps.TryGetValue(webhookId, out var running))
        {
            running.Wake();
            return;
        }
        var pump = _pumps[webhookId] = new(webhookId, webhooks, deliveries, sender, random, time, log);
        var task = Task.Run(async () =>
        {
            try
            {
                await pump.RunAsync(_stopping.Token);
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Failed(e);
                await Task.Delay(RetryAfter, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                _pumps.TryRemove(webhookId, out _);
                // What came in while it ended.
                Wake();
            }
        }, CancellationToken.None);
        _running[task] = true;
        _ = task.ContinueWith(t => _running.TryRemove(t, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    async Task WaitAsync(DateTimeOffset? next)
    {
        // Never early by a rounding: a timer that fires before the moment would find nothing and be set again.
        var wait = next is { } at ? at - time.GetUtcNow() + TimeSpan.FromMilliseconds(1) : Timeout.InfiniteTimeSpan;
        if (next is not null && wait > LongestTimer)
            wait = LongestTimer;
        if (longestSleep is { } longest && (next is null || wait > longest))
            wait = longest;
        if (next is null || wait > TimeSpan.Zero)
            await _woken.WaitAsync(wait, time, _stopping.Token);
    }

    void Failed(Exception e)
    {
        if (!_isFailing)
            LogFailing(RetryAfter.TotalSeconds, e.GetType().Name);
        _isFailing = true;
    }

    [LoggerMessage(1242, LogLevel.Error, "Webhooks cannot be delivered ({Exception}); trying again every {Seconds} s until it works.")]
    partial void LogFailing(double seconds, string exception);

    [LoggerMessage(1243, LogLevel.Information, "Webhooks are delivered again.")]
    partial void LogRecovered();
}
