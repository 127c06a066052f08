using Halo.Api.Errors;
using Halo.Api.Queries.Immediate;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Idempotency;

/// <summary>What became of a submitted query: refused, ended, queued, or its rows have been sent already.</summary>
sealed record SubmissionAnswer : IDisposable
{
    /// <summary>Its rows were sent as they came.</summary>
    public static SubmissionAnswer Streamed { get; } = new();

    /// <summary>Why it was refused.</summary>
    public Refusal? Refusal { get; private init; }

    /// <summary>How the immediate query ended; disposed of with this.</summary>
    public ImmediateAnswer? Immediate { get; private init; }

    /// <summary>The async query that was queued.</summary>
    public Query? Accepted { get; private init; }

    /// <summary>Whether an earlier request with the same key was answered so.</summary>
    public bool IsReplay { get; init; }

    public static SubmissionAnswer Of(Refusal refusal) => new() { Refusal = refusal };

    /// <returns>Null where there is none.</returns>
    public static SubmissionAnswer? Of(ImmediateAnswer? answer) => answer is null ? null : new() { Immediate = answer };

    /// <returns>Null where there is none.</returns>
    public static SubmissionAnswer? Of(Query? accepted) => accepted is null ? null : new() { Accepted = accepted };

    /// <inheritdoc/>
    public void Dispose() => Immediate?.Dispose();
}
