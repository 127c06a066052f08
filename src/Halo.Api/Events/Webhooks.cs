using Halo.Api.Ledger.Events;
using Halo.Contracts.Events;

namespace Halo.Api.Events;

/// <summary>Webhooks as integrators see them.</summary>
static class Webhooks
{
    /// <summary>Without its secrets.</summary>
    public static Webhook Show(WebhookRecord webhook, IEnumerable<WebhookSecret> secrets) => new()
    {
        Id = webhook.Id,
        Url = webhook.Url,
        Events = webhook.Types,
        Sources = webhook.Sources,
        Enabled = webhook.Enabled,
        Style = webhook.Style,
        DisabledReason = webhook.DisabledReason,
        FailingSince = webhook.FailingSince,
        Secrets = [.. secrets],
        CreatedAt = webhook.CreatedAt,
        UpdatedAt = webhook.UpdatedAt,
    };

    /// <summary>A secret without itself.</summary>
    public static WebhookSecret Show(StoredSecret secret) => new(secret.Id, secret.CreatedAt);

    /// <summary>A secret that has just been made.</summary>
    public static WebhookSecret ShowOnce(StoredSecret secret) => Show(secret) with { Secret = secret.Secret };
}
