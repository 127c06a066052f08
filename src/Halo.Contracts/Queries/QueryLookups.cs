using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>Asks for the state of up to 100 queries at once.</summary>
/// <param name="QueryIds">1 to 100 ids; none or more: 400.</param>
public sealed record QueryStatusRequest(IReadOnlyList<Guid> QueryIds);

/// <summary>The answers, in the order asked.</summary>
/// <param name="Results">One for each id.</param>
public sealed record QueryStatusResponse(IReadOnlyList<QueryLookup> Results);

/// <summary>One answer.</summary>
/// <param name="QueryId">The id asked for.</param>
/// <param name="Status">Whether the caller has such a query at this site.</param>
/// <param name="Query">The query, where found; absent otherwise.</param>
public sealed record QueryLookup(Guid QueryId, LookupStatus Status, Query? Query = null);

/// <summary>The caller's own queries at a site, newest first, without their results.</summary>
/// <param name="Queries">At most as many as <c>limit</c> says: 1 to 1000, by default 100.</param>
public sealed record QueryList(IReadOnlyList<Query> Queries)
{
    /// <summary>Give it as <c>after</c> to get the next page; absent on the last.</summary>
    public string? Next { get; init; }
}

/// <summary>Whether a query was found.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<LookupStatus>))]
public enum LookupStatus
{
    /// <summary>It is in <c>query</c>.</summary>
    Found,

    /// <summary>None of the caller's queries at this site has this id.</summary>
    NotFound,
}
