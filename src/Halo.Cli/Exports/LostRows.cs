using System.Net;
using Halo.Client;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Cli.Exports;

/// <summary>Whether the rows of a query that was executed can still be had.</summary>
static class LostRows
{
    /// <summary>They were there and are not any more.</summary>
    public static bool AreGone(Query query) => query.Result is { Rows: > 0, Pages: null or { Count: 0 } };

    /// <summary>No rows and no columns: its SQL gives none, or its result was empty and is no longer kept. One that has just ended tells which.</summary>
    public static bool HasNone(Query query) => query.Result is null or { Rows: null } or { Rows: 0, Columns: null };

    /// <summary>SQL gave no rows.</summary>
    /// <param name="isExecuted">Whether it was executed for this command.</param>
    public static UsageException None(Query query, bool isExecuted) => new(isExecuted
        ? $"The SQL has no rows to export (query {query.Id}). It was executed, and the same command would execute it again: SQL without rows is for halo execute."
        : $"Query {query.Id} has no rows to export, or they are no longer kept.");

    /// <summary>A page will not come however often it is asked for.</summary>
    public static bool IsLost(HaloException failure) =>
        failure is { Code: ErrorCodes.Gone or HaloExceptionCodes.PageDamaged } or { Executed: Executed.Yes, Status: HttpStatusCode.InternalServerError, Query: null };

    /// <summary>What is said of them.</summary>
    public static HaloException Gone(Query query) =>
        new("The rows of the query are no longer kept.") { Code = ErrorCodes.Gone, Executed = Executed.Yes, QueryId = query.Id, Query = query };
}
