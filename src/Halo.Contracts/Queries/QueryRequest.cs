namespace Halo.Contracts.Queries;

/// <summary>Asks a site. Either <c>command</c>, or the old form <c>sqlQuery</c>.</summary>
public sealed record QueryRequest
{
    /// <summary>Milliseconds it may wait before the database gets it: immediate 0 to 60000 (default 30000), async 0 to 7200000 (default 3600000).</summary>
    public int? MaxTimeInQueue { get; init; }

    /// <summary>Name of one of the site's databases; its default one when null.</summary>
    public string? Catalogue { get; init; }

    /// <summary>What the database is to do.</summary>
    public QueryCommand? Command { get; init; }

    /// <summary>The old form: SQL text in place of <c>command</c>.</summary>
    public string? SqlQuery { get; init; }

    /// <summary>For <c>POST …/queries</c> alone: how it is answered; default async.</summary>
    public QueryMode? Mode { get; init; }
}
