using Halo.Api.Basics;
using Halo.Api.Ledger.Events;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Events;

namespace Halo.Api.Events;

/// <summary>Sends what is due to one webhook, a few at a time and in the order of what happened; ends when nothing is due.</summary>
sealed partial class WebhookPump(
    Guid webhookId, WebhookStore webhooks, DeliveryStore deliveries, WebhookSender sender, Func<double> random, TimeProvider time, ILogger log)
{
    /// <summary>Tries under way to one webhook.</summary>
    const int AtOnce = 8;

    /// <summary>A webhook for which more waits is disabled: it takes less than happens.</summary>
    internal const int MostPending = 10_000;

    /// <summary>So often, in tries, it is looked at how much waits.</summary>
    const int CountEvery = 100;

    /// <summary>A webhook at which everything failed for so long is disabled.</summary>
    static readonly TimeSpan DisabledAfter = TimeSpan.FromHours(24);

    readonly Signal _woken = new();
    int _tries;

    /// <summary>Something new may be due.</summary>
    public void Wake() => _woken.Set();

    /// <summary>Sends until nothing is due and nothing under way.</summary>
    /// <exception cref="OperationCanceledException">The service stops. What was under way is tried again once the time for which it was taken is over.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var underWay = new List<Task>();
        try
        {
            while (true)
            {
                _woken.Reset();
                if (underWay.Count < AtOnce)
                    underWay.AddRange(await TakeAsync(AtOnce - underWay.Count, stop));
                if (underWay.Count == 0)
                    return;
                await Task.WhenAny([.. underWay, _woken.Task]);
                foreach (var done in underWay.Where(t => t.IsCompleted).ToList())
                {
                    underWay.Remove(done);
                    await done;
                }
            }
        }
        finally
        {
            await Task.WhenAll(underWay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    async Task<IReadOnlyList<Task>> TakeAsync(int most, CancellationToken stop)
    {
        // As it stands now: its integrator or an operator may have changed something meanwhile.
        if (await webhooks.FindListeningAsync(webhookId) is not { } webhook)
        {
            await deliveries.GiveUpAsync(webhookId);
            return [];
        }
        if (_tries++ % CountEvery == 0 && await deliveries.CountAsync(webhookId, MostPending + 1) > MostPending)
        {
            if (await webhooks.DisableAsync(webhook, null, $"More than {MostPending} events waited for it: it takes less than happens."))
                LogBehind(webhookId, webhook.IntegratorId, MostPending);
            return [];
        }
        var secrets = Open(webhook);
        var due = await deliveries.TakeAsync(webhookId, most);
        return [.. due.Select(d => secrets is null ? GiveUpAsync(d) : DeliverAsync(webhook, secrets, d, stop))];
    }

    async Task DeliverAsync(WebhookRecord webhook, IReadOnlyList<StoredSecret> secrets, DeliveryRecord delivery, CancellationToken stop)
    {
        var (attempt, asked) = await sender.SendAsync(webhook, secrets, delivery, stop);
        var wait = attempt.Error is null || !RetrySchedule.IsWorthwhile(attempt) ? null : RetrySchedule.Next(delivery.Tries + 1, delivery.WaitedInAll, delivery.Waited, asked, random());
        var status = attempt.Error is null ? WebhookDeliveryStatus.Delivered : wait is null ? WebhookDeliveryStatus.GivenUp : WebhookDeliveryStatus.Pending;
        Telemetry.WebhookTried(status == WebhookDeliveryStatus.Pending ? "failed" : status == WebhookDeliveryStatus.Delivered ? "delivered" : "givenUp", attempt.Duration);
        var now = time.GetUtcNow();
        var failingSince = await deliveries.EndAttemptAsync(delivery, new(attempt, status, wait is { } until ? now + until : null, wait ?? TimeSpan.Zero));
        if (status == WebhookDeliveryStatus.GivenUp && failingSince is { } since && now - since >= DisabledAfter
            && await webhooks.DisableAsync(webhook, since, $"Nothing could be delivered for {DisabledAfter.TotalHours:0} hours; the last attempt: {attempt.Error}"))
            LogDisabled(webhookId, webhook.IntegratorId);
    }

    /// <summary>Nothing can be signed for it any more.</summary>
    async Task GiveUpAsync(DeliveryRecord delivery) => await deliveries.EndAttemptAsync(delivery, new(
        new(time.GetUtcNow(), 0) { Error = "The webhook's secrets cannot be read any more. Make the webhook anew." }, WebhookDeliveryStatus.GivenUp, null, TimeSpan.Zero));

    IReadOnlyList<StoredSecret>? Open(WebhookRecord webhook)
    {
        try
        {
            return webhooks.SecretsOf(webhook);
        }
        catch (SealBrokenException)
        {
            if (_tries == 1)
                LogBroken(webhookId);
            return null;
        }
    }

    [LoggerMessage(1240, LogLevel.Warning, "Webhook {WebhookId} of integrator {IntegratorId} was disabled: nothing could be delivered for a day.")]
    partial void LogDisabled(Guid webhookId, Guid integratorId);

    [LoggerMessage(1241, LogLevel.Error, "The secrets of webhook {WebhookId} cannot be read: its key or data was lost or changed.")]
    partial void LogBroken(Guid webhookId);

    [LoggerMessage(1246, LogLevel.Warning, "Webhook {WebhookId} of integrator {IntegratorId} was disabled: more than {Most} events waited for it.")]
    partial void LogBehind(Guid webhookId, Guid integratorId, int most);
}
