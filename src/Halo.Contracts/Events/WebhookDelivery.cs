using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Events;

/// <summary>One event on its way to one webhook.</summary>
public sealed record WebhookDelivery
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Where it goes.</summary>
    public required Guid WebhookId { get; init; }

    /// <summary>The event's.</summary>
    public required Guid EventId { get; init; }

    /// <summary>The event's, one of <see cref="EventTypes"/>.</summary>
    public required string Type { get; init; }

    /// <summary>When it happened: UTC, milliseconds.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>Where it happened.</summary>
    public Guid? SiteId { get; init; }

    /// <summary>Counts the events of this webhook and site, from 1, without gaps: <c>X-Halo-Sequence</c>.</summary>
    public required long Sequence { get; init; }

    /// <summary>Where it stands.</summary>
    public required WebhookDeliveryStatus Status { get; init; }

    /// <summary>What was tried, oldest first.</summary>
    public required IReadOnlyList<WebhookAttempt> Attempts { get; init; }

    /// <summary>When it is tried next: UTC, milliseconds; absent once it has ended.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }
}

/// <summary>One attempt to deliver an event.</summary>
/// <param name="At">When it began: UTC, milliseconds.</param>
/// <param name="Duration">Milliseconds.</param>
public sealed record WebhookAttempt(DateTimeOffset At, long Duration)
{
    /// <summary>The answer's HTTP status; absent where there was none.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>What went wrong; absent where it was delivered.</summary>
    public string? Error { get; init; }
}

/// <summary>Where a delivery stands.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<WebhookDeliveryStatus>))]
public enum WebhookDeliveryStatus
{
    /// <summary>It is tried, or waits to be tried again.</summary>
    Pending,

    /// <summary>The receiver took it.</summary>
    Delivered,

    /// <summary>It is not tried any more. It can be redelivered.</summary>
    GivenUp,
}

/// <summary>A page of deliveries.</summary>
/// <param name="Deliveries">Newest first.</param>
public sealed record WebhookDeliveryList(IReadOnlyList<WebhookDelivery> Deliveries)
{
    /// <summary>The value of <c>after</c> for the next page; absent: this is the last.</summary>
    public string? Next { get; init; }
}
