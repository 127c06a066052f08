using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.LinkProtocol.Messages;

/// <summary>What is registered at a Link's sites and still runs.</summary>
/// <param name="Items">The Link asks for those that it does not know, and forgets those that are not here.</param>
public sealed record RegisteredList(IReadOnlyList<RegisteredHead> Items)
{
    /// <summary>Most that one Link has.</summary>
    public const int Most = 5000;
}

/// <summary>One registered query in the list.</summary>
/// <param name="Id">Its id; what it runs never changes.</param>
/// <param name="RemainingMs">Milliseconds until it ends, by the API's clock: clinics' clocks drift.</param>
public sealed record RegisteredHead(Guid Id, long RemainingMs);

/// <summary>One registered query, with where its counts stand: a Link that was started again goes on from there.</summary>
/// <param name="Id">Its id.</param>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="IntegratorId">For the practice's policy.</param>
/// <param name="Command">What to run.</param>
/// <param name="FrequencyMs">Milliseconds from one run to the next.</param>
/// <param name="RemainingMs">As in <see cref="RegisteredHead"/>.</param>
/// <param name="LimitMs">Execution limit of a run in milliseconds.</param>
/// <param name="MaxResultBytes">Bytes of JSON that a result may have.</param>
public sealed record RegisteredDefinition(
    Guid Id, Guid SiteId, Guid IntegratorId, QueryCommand Command, int FrequencyMs, long RemainingMs, int LimitMs, int MaxResultBytes) : ISiteCommand
{
    /// <summary>Name of the database; the site's default when null.</summary>
    public string? Catalogue { get; init; }

    /// <summary>Columns that name each row once; null: the result counts as a whole, in its order.</summary>
    public IReadOnlyList<string>? Key { get; init; }

    /// <summary>What the API holds; null: no result yet.</summary>
    public string? LastHash { get; init; }

    /// <summary>Runs so far.</summary>
    public RegisteredCounts Counts { get => field ?? new(0, 0); init; } = new(0, 0);

    int ISiteCommand.ResultSet => 1;

    string? ISiteCommand.Tag => null;

    string? ISiteCommand.TraceParent => null;

    byte[]? ISiteCommand.KeyHash => null;
}

/// <summary>Counts of a registered query since it was registered. They only grow, so a report that is told twice changes nothing.</summary>
/// <param name="Succeeded">Runs that succeeded.</param>
/// <param name="Failed">Runs that failed.</param>
public sealed record RegisteredCounts(long Succeeded, long Failed)
{
    /// <summary>Runs in all.</summary>
    public long Runs => Succeeded + Failed;
}

/// <summary>What the last run of a registered query gave, and where its counts stand. Rows, where they come along, stand behind it, compressed by Brotli.</summary>
/// <param name="Counts">This run included.</param>
public sealed record RegisteredReport(RegisteredCounts Counts)
{
    /// <summary>SHA-256 of the result, 64 lower-case hexadecimal digits; null: the run failed.</summary>
    public string? Hash { get; init; }

    /// <summary>Why it failed; null: it did not.</summary>
    public ErrorDetails? Error { get; init; }

    /// <summary>The practice does not allow the command itself: no run of it will ever succeed.</summary>
    public bool Forbidden { get; init; }

    /// <summary>Rows of the result.</summary>
    public long Rows { get; init; }

    /// <summary>Bytes of JSON of the result.</summary>
    public long Size { get; init; }

    /// <summary>Columns, with the rows.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    /// <summary>Durations.</summary>
    public WorkTimings? Timings { get; init; }
}

/// <summary>The answer to a report.</summary>
/// <param name="LastHash">What the API holds now. Another than that of the report: it wants the rows.</param>
public sealed record RegisteredAck(string? LastHash);
