using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Halo.Client.Calls;
using Halo.Client.Pages;
using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>A handle on an async query. It holds nothing but two ids: it can be saved, and made anew by <see cref="HaloSite.Resume"/>. <c>await</c> it for its end.</summary>
public sealed class HaloQuery
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    readonly SiteCalls _calls;

    internal HaloQuery(SiteCalls calls, Guid id, Guid siteId) => (_calls, Id, SiteId) = (calls, id, siteId);

    internal SiteCalls Calls => _calls;

    /// <summary>Its id.</summary>
    public Guid Id { get; }

    /// <summary>The site that it asks.</summary>
    public Guid SiteId { get; }

    /// <summary>Where it stands now.</summary>
    /// <exception cref="HaloException">It could not be asked; code <c>NotFound</c> where you have no such query.</exception>
    public Task<Query> GetAsync(CancellationToken cancellationToken = default) => _calls.GetAsync(Id, TimeSpan.Zero, cancellationToken);

    /// <summary>Waits until it is final. Who cancels stops waiting; the query goes on.</summary>
    /// <returns>The query, successful.</returns>
    /// <exception cref="HaloException">It ended otherwise, or could not be asked any more.</exception>
    public async Task<Query> WaitAsync(CancellationToken cancellationToken = default)
    {
        var query = await _calls.WhenFinalAsync(Id, cancellationToken);
        return query.Status == QueryStatus.Successful ? query : throw Failures.Of(query);
    }

    /// <summary>Waits until it is final, as <see cref="WaitAsync"/>.</summary>
    public TaskAwaiter<Query> GetAwaiter() => WaitAsync().GetAwaiter();

    /// <summary>Waits until it is final and gives its rows in order. The next pages are fetched meanwhile, and each is compared with its digest.</summary>
    /// <exception cref="HaloException">It did not succeed, or its pages are gone (code <c>Gone</c>): 24 hours after its end, or because they were removed.</exception>
    /// <exception cref="HaloMappingException">The rows do not fit <typeparamref name="T"/>.</exception>
    public async IAsyncEnumerable<T> ReadAsync<[DynamicallyAccessedMembers(Needed)] T>([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var query = await WaitAsync(cancellationToken);
        await foreach (var row in PageRows.ReadAsync<T>(_calls, query, cancellationToken))
            yield return row;
    }

    /// <summary>Asks for it to be stopped at the practice. What became of it says <see cref="WaitAsync"/>: a write that was finished by then stays.</summary>
    /// <returns>The query as it stands then.</returns>
    /// <exception cref="HaloException">It could not be asked.</exception>
    public Task<Query> CancelAsync(CancellationToken cancellationToken = default) => _calls.CancelAsync(Id, cancellationToken);

    /// <summary>Removes its results from the service now, before their time is over; the query stays, with its numbers. Repeating it changes nothing.</summary>
    /// <exception cref="HaloException">It could not be done; code <c>Conflict</c> where the query has not ended.</exception>
    public Task RemoveResultsAsync(CancellationToken cancellationToken = default) => _calls.RemoveResultsAsync(Id, cancellationToken);
}
