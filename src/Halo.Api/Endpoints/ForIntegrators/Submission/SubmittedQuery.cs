using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Requests;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Api.Sites;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>A request for a query as it was read.</summary>
/// <param name="Caller">Who asks.</param>
/// <param name="Site">Where.</param>
/// <param name="Wanted">How the rows are to be answered.</param>
sealed record SubmittedQuery(IntegratorCaller Caller, SiteRecord Site, ResponseFormat Wanted)
{
    /// <summary>What is asked; null where the body is not valid.</summary>
    public QuerySubmission? Submission { get; init; }

    /// <summary>What is wrong with the body; null: nothing.</summary>
    public Refusal? Invalid { get; init; }

    /// <summary>Its <c>Idempotency-Key</c> with what it stands for; null: it has none.</summary>
    public IdempotentRequest? Key { get; init; }

    /// <summary>The form in which its rows are streamed; null: they are part of a JSON answer, as those of a batch always are, or stored, or there are none.</summary>
    public RowForm? StreamForm => Submission is { Batch: null, IsNonQuery: false } ? Wanted.Form : null;
}
