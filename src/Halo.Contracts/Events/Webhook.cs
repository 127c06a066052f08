using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Events;

/// <summary>Makes or replaces a webhook.</summary>
public sealed record WebhookRequest
{
    /// <summary>Where events are posted: https, at most 2,000 characters; <c>{siteId}</c>, <c>{queryId}</c> and <c>{source}</c> behind the host are replaced. Required.</summary>
    public string? Url { get; init; }

    /// <summary>Which events, one or more of <see cref="EventTypes"/>. Required.</summary>
    public IReadOnlyList<string>? Events { get; init; }

    /// <summary>Of events about queries only those of these sources: <c>async</c>, <c>registered</c>; null: both.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>Whether it is told; true when null.</summary>
    public bool? Enabled { get; init; }

    /// <summary>How it is signed; <c>halo</c> when null.</summary>
    public WebhookStyle? Style { get; init; }
}

/// <summary>A webhook of an integrator.</summary>
public sealed record Webhook
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>As given.</summary>
    public required string Url { get; init; }

    /// <summary>Which events it is told.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    /// <summary>Of which sources; absent: of all.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>Whether it is told.</summary>
    public required bool Enabled { get; init; }

    /// <summary>How it is signed.</summary>
    public required WebhookStyle Style { get; init; }

    /// <summary>Why the service disabled it; absent where it did not.</summary>
    public string? DisabledReason { get; init; }

    /// <summary>Since when every attempt failed: UTC, milliseconds; absent where the last one did not.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>One or two. The first signs; with a second one both do.</summary>
    public required IReadOnlyList<WebhookSecret> Secrets { get; init; }

    /// <summary>When it was made: UTC, milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed: UTC, milliseconds.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>A secret that signs what a webhook is told.</summary>
/// <param name="Id">To remove it by.</param>
/// <param name="CreatedAt">UTC, milliseconds.</param>
public sealed record WebhookSecret(Guid Id, DateTimeOffset CreatedAt)
{
    /// <summary>The secret itself, where it has just been made: it is shown this once.</summary>
    public string? Secret { get; init; }
}

/// <summary>The webhooks of an integrator.</summary>
/// <param name="Webhooks">Oldest first.</param>
public sealed record WebhookList(IReadOnlyList<Webhook> Webhooks);

/// <summary>Which headers sign an event.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<WebhookStyle>))]
public enum WebhookStyle
{
    /// <summary><c>X-Halo-Timestamp</c> and <c>X-Halo-Signature-256</c>, as the original service.</summary>
    Halo,

    /// <summary><c>webhook-id</c>, <c>webhook-timestamp</c> and <c>webhook-signature</c>, as Standard Webhooks has them.</summary>
    Standard,
}
