using System.Diagnostics.CodeAnalysis;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>What the commands of a batch brought, in their order. All of it is committed.</summary>
public sealed class HaloBatchResults
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    readonly IReadOnlyList<QueryResult> _results;

    internal HaloBatchResults(Query query) => (Query, _results) = (query, query.Results ?? throw new InvalidDataException("The answer to a batch has no results."));

    /// <summary>The query as the service shows it, with every result, its rows in base64.</summary>
    public Query Query { get; }

    /// <summary>How many results there are: one for each command.</summary>
    public int Count => _results.Count;

    /// <summary>Rows that a command changed, over all its statements; -1 where the database gives no number, and of one that gives rows.</summary>
    /// <param name="index">The command's place in the batch, from 0.</param>
    public long RowsAffected(int index) => _results[index].RowsAffected ?? -1;

    /// <summary>The rows of a command.</summary>
    /// <param name="index">Its place in the batch, from 0.</param>
    /// <param name="cancellationToken">Ends reading; the batch has run.</param>
    /// <exception cref="InvalidOperationException">It gives no rows.</exception>
    /// <exception cref="HaloMappingException">They do not fit <typeparamref name="T"/>.</exception>
    public Task<List<T>> RowsAsync<[DynamicallyAccessedMembers(Needed)] T>(int index, CancellationToken cancellationToken = default) => _results[index].Data is null
        ? throw new InvalidOperationException($"Command {index} of the batch gives no rows.")
        : RowStreams.OfAsync<T>(_results[index], cancellationToken);
}
