namespace Halo.Contracts.Queries;

/// <summary>Asks a site. One of <c>command</c>, <c>commands</c>, and the old form <c>sqlQuery</c>.</summary>
public record QueryRequest
{
    /// <summary>
    /// Milliseconds it may wait before the database gets it: immediate 0 to 60000 (default 30000), async 0 to 7200000 (default 3600000). 0 is at once or not
    /// at all. Over it: <c>expiredInQueue</c>, immediate 503; nothing ran.
    /// </summary>
    public int? MaxTimeInQueue { get; init; }

    /// <summary>Name of one of the site's databases (its <c>catalogue</c>), in any case; its default one when null. Unknown: 400 that names the known ones.</summary>
    public string? Catalogue { get; init; }

    /// <summary>Async queries alone: hours from the query's end for which its results are kept, from 1 to those of the service, which are the default.</summary>
    public int? RetentionHours { get; init; }

    /// <summary>What the database is to do. Required, unless <c>commands</c> or <c>sqlQuery</c> is given.</summary>
    public QueryCommand? Command { get; init; }

    /// <summary>A batch in place of <c>command</c>: 1 to 100 commands, run in order in one transaction, all or nothing; the answer has <c>results</c> in their order.</summary>
    public IReadOnlyList<QueryCommand>? Commands { get; init; }

    /// <summary>Of a batch alone: how far its transaction is kept apart from others; the database's usual level when null.</summary>
    public IsolationLevel? Isolation { get; init; }

    /// <summary>The old form: SQL text in place of <c>command</c>, at most 1 MiB of UTF-8, not blank. Not looked at where there is a <c>command</c>.</summary>
    public string? SqlQuery { get; init; }

    /// <summary>For <c>POST …/queries</c> alone: how it is answered; default async.</summary>
    public QueryMode? Mode { get; init; }
}
