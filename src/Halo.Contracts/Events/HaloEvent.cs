using Halo.Contracts.Queries;

namespace Halo.Contracts.Events;

/// <summary>Something that happened, as the event stream and webhooks tell it.</summary>
public sealed record HaloEvent
{
    /// <summary>Of the event: a repeat has the same.</summary>
    public required Guid Id { get; init; }

    /// <summary>One of <see cref="EventTypes"/>; more may come.</summary>
    public required string Type { get; init; }

    /// <summary>When it happened: UTC.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>Where; absent where it belongs to no site.</summary>
    public Guid? SiteId { get; init; }

    /// <summary>What it is about. Never rows, and never the database's words.</summary>
    public required EventData Data { get; init; }
}

/// <summary>What an event is about; each type has the fields that are named for it.</summary>
public sealed record EventData
{
    /// <summary>The async or registered query: <c>query.*</c>, <c>registered.changed</c>.</summary>
    public Guid? QueryId { get; init; }

    /// <summary>The survey: <c>survey.finished</c>.</summary>
    public Guid? SurveyId { get; init; }

    /// <summary><c>async</c> or <c>registered</c>: <c>query.*</c>, <c>registered.changed</c>.</summary>
    public string? Source { get; init; }

    /// <summary>How an async query ended: <c>query.completed</c>, <c>query.failed</c>.</summary>
    public QueryStatus? Status { get; init; }

    /// <summary>Whether it was executed: <c>query.failed</c> of an async query.</summary>
    public Executed? Executed { get; init; }

    /// <summary>Why, one of the failure codes: <c>query.failed</c>.</summary>
    public string? Code { get; init; }

    /// <summary>The <c>Halo-Tag</c> that the async query, or the survey, was asked with.</summary>
    public string? Tag { get; init; }

    /// <summary>SHA-256 of the new result: <c>query.completed</c> of a registered query, <c>registered.changed</c>. That of the new schema: <c>schema.changed</c>.</summary>
    public string? Hash { get; init; }

    /// <summary>Rows of the new result: <c>query.completed</c> of a registered query, <c>registered.changed</c>.</summary>
    public long? Rows { get; init; }

    /// <summary>Since when it is so: UTC, milliseconds; <c>site.online</c>, <c>site.offline</c>, <c>site.unreachable</c>.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The version of the practice's system: <c>site.version</c>.</summary>
    public string? Version { get; init; }

    /// <summary>The one before: <c>site.version</c>.</summary>
    public string? PreviousVersion { get; init; }

    /// <summary>Which of the site's databases: <c>schema.changed</c>.</summary>
    public string? Catalogue { get; init; }

    /// <summary>What changed, the first 100: <c>schema.changed</c>.</summary>
    public IReadOnlyList<SchemaChange>? Changes { get; init; }

    /// <summary>How many more changes there were than are told; absent: none. <c>schema.changed</c>.</summary>
    public int? MoreChanges { get; init; }

    /// <summary>The site that was the practice's own before, where there was one: <c>site.moved</c>.</summary>
    public Guid? PreviousSiteId { get; init; }
}

/// <summary>The body of <c>query.completed</c> as webhooks get it: the original service's.</summary>
/// <param name="Id">Of the event.</param>
/// <param name="OccurredAt">UTC, in the form 2026-03-05T14:30:00.0000000+00:00.</param>
/// <param name="SiteId">Where.</param>
/// <param name="QueryId">The async or registered query.</param>
/// <param name="WebhookSource"><c>async</c> or <c>registered</c>.</param>
public sealed record QueryNotification(Guid Id, string OccurredAt, Guid SiteId, Guid QueryId, string WebhookSource);
