using Halo.Api.Ledger.Records;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>Queries as operators see them: never the command, the rows or the database's own words.</summary>
static class AdminQueries
{
    const string KeptBack = "The database refused the query; its words are for the integrator alone.";

    public static Query Show(QueryRecord record)
    {
        var query = QueryView.Of(record) with { Result = null, Results = null };
        return record is { FailureCode: null, ErrorType: not null } && query.ErrorDetails is { } error
            ? query with { ErrorDetails = error with { ErrorMessage = KeptBack }, ErrorMessage = KeptBack }
            : query;
    }
}
