using System.Text.Json.Serialization;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>A query that the practice's Halo Link runs again and again by itself, and whose result is sent when it changed.</summary>
public sealed record RegisteredQueryRequest
{
    /// <summary>For people: 1 to 200 characters. Required.</summary>
    public string? Name { get; init; }

    /// <summary>Always <c>query</c>. Required.</summary>
    public string? RegisteredQueryType { get; init; }

    /// <summary>Seconds from one run to the next; at least 60 (a setting of the service). Required.</summary>
    public int? Frequency { get; init; }

    /// <summary>Seconds until it ends by itself, from 60 to 86400. Required.</summary>
    public int? Duration { get; init; }

    /// <summary>What is run. Required.</summary>
    public RegisteredCommand? RegisterCommand { get; init; }

    /// <summary>Given: what changed can be read row by row. Null: only the newest result is kept.</summary>
    public RegisteredChangesWanted? Changes { get; init; }

    /// <summary>Whether the first result counts as a change; true when null. False: it is where changes begin.</summary>
    public bool? DeliverFirst { get; init; }
}

/// <summary>The command of a registered query.</summary>
public sealed record RegisteredCommand
{
    /// <summary>A reader or a scalar, executed for at most 60 seconds and 8 MiB (settings of the service). Required.</summary>
    public QueryCommand? Command { get; init; }

    /// <summary>One of the site's databases; null: its default.</summary>
    public string? Catalogue { get; init; }
}

/// <summary>By what rows of one result are found again in the next.</summary>
/// <param name="Key">1 to 16 names of columns, as the result has them; together they name each row once.</param>
public sealed record RegisteredChangesWanted(IReadOnlyList<string> Key);

/// <summary>The answer to a registration.</summary>
/// <param name="Id">Of the registered query.</param>
public sealed record RegisteredQueryAccepted(Guid Id);

/// <summary>The registered queries of an integrator at a site that still run.</summary>
/// <param name="RegisteredQueries">Oldest first.</param>
public sealed record RegisteredQueryList(IReadOnlyList<RegisteredQuery> RegisteredQueries);

/// <summary>A registered query as answers show it.</summary>
public sealed record RegisteredQuery
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>As given.</summary>
    public required string Name { get; init; }

    /// <summary>Always <c>query</c>.</summary>
    public required string RegisteredQueryType { get; init; }

    /// <summary>Seconds from one run to the next.</summary>
    public required int Frequency { get; init; }

    /// <summary>Seconds for which it was registered, or renewed last.</summary>
    public required int Duration { get; init; }

    /// <summary>Whether it still runs.</summary>
    public required RegisteredQueryStatus Status { get; init; }

    /// <summary>SHA-256 of the newest result, 64 lower-case hexadecimal digits; empty before the first.</summary>
    public required string LastHash { get; init; }

    /// <summary>Why the last run failed; absent where it did not.</summary>
    public ErrorDetails? LastErrorDetails { get; init; }

    /// <summary>What its runs took and gave.</summary>
    public required RegisteredQueryMetrics Metrics { get; init; }

    /// <summary>When it was registered: UTC, milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends by itself: UTC, milliseconds.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it ended: UTC, milliseconds; absent while it runs. Results are kept for 24 hours from then.</summary>
    public DateTimeOffset? CompletedAt { get; init; }
}

/// <summary>The states of a registered query.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<RegisteredQueryStatus>))]
public enum RegisteredQueryStatus
{
    /// <summary>It runs.</summary>
    Enabled,

    /// <summary>Ended before its time: by the integrator, by a right that was taken away, or by the practice's policy.</summary>
    Cancelled,

    /// <summary>Its duration is over.</summary>
    Completed,

    /// <summary>It could not be stored. Kept for programs of the original service: here such a registration is refused.</summary>
    InitialisationFailedCacheError,
}

/// <summary>What the runs of a registered query took and gave.</summary>
public sealed record RegisteredQueryMetrics
{
    /// <summary>When a run last succeeded: UTC, milliseconds.</summary>
    public DateTimeOffset? LastSucceededAt { get; init; }

    /// <summary>When a run last failed: UTC, milliseconds.</summary>
    public DateTimeOffset? LastFailedAt { get; init; }

    /// <summary>Milliseconds that the database took for the last run.</summary>
    public long? LastExecutionDuration { get; init; }

    /// <summary>Runs that succeeded, unchanged ones among them.</summary>
    public required long ExecutionSucceededCount { get; init; }

    /// <summary>Runs that failed.</summary>
    public required long ExecutionFailedCount { get; init; }

    /// <summary>Bytes of JSON of all results that were sent to the service.</summary>
    public required long ResultSizeSum { get; init; }

    /// <summary>Bytes of the registration's body.</summary>
    public required long RequestSize { get; init; }
}
