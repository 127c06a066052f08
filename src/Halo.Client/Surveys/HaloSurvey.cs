using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Halo.Client.Calls;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Surveys;

/// <summary>A handle on one command asked of many sites. It holds nothing but an id: it can be saved, and made anew by <see cref="HaloSurveys.Resume"/>. <c>await</c> it for its end.</summary>
public sealed class HaloSurvey
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>Longest that one request waits for the end.</summary>
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    readonly ApiCalls _calls;

    internal HaloSurvey(ApiCalls calls, Guid id) => (_calls, Id) = (calls, id);

    /// <summary>Its id.</summary>
    public Guid Id { get; }

    /// <summary>Where it stands now.</summary>
    /// <exception cref="HaloException">It could not be asked; code <c>NotFound</c> where you have no such survey.</exception>
    public Task<Survey> GetAsync(CancellationToken cancellationToken = default) => GetAsync(TimeSpan.Zero, cancellationToken);

    /// <summary>Waits until every site has ended. Who cancels stops waiting; the survey goes on.</summary>
    /// <returns>The survey, finished: its counts say how many sites were successful.</returns>
    /// <exception cref="HaloException">It could not be asked any more.</exception>
    public async Task<Survey> WaitAsync(CancellationToken cancellationToken = default)
    {
        while (true)
            if (await GetAsync(LongestWait, cancellationToken) is { Status: SurveyStatus.Finished } finished)
                return finished;
    }

    /// <summary>Waits until every site has ended, as <see cref="WaitAsync"/>.</summary>
    public TaskAwaiter<Survey> GetAwaiter() => WaitAsync().GetAwaiter();

    /// <summary>What became of it at its sites, in the order of their ids. They are fetched in pages as they are read.</summary>
    /// <param name="status">Only those that stand so; null: all.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="HaloException">It could not be asked.</exception>
    public async IAsyncEnumerable<SurveySite> SitesAsync(SurveySiteStatus? status = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var path = $"{Path}/sites?limit=200" + (status is { } wanted ? $"&status={JsonNamingPolicy.CamelCase.ConvertName(wanted.ToString())}" : "");
        for (var after = ""; after is not null;)
        {
            var place = path + after;
            var page = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, place), HaloJson.Default.SurveySiteList, cancellationToken);
            foreach (var site in page.Sites)
                yield return site;
            after = page.Next is null ? null : $"&after={Uri.EscapeDataString(page.Next)}";
        }
    }

    /// <summary>
    /// Waits until every site has ended and gives the rows of all that were successful, site after site, each with its site. Pages are fetched and compared with
    /// their digests as those of one query are. Rows of a site that you are not paired with any more are left out.
    /// </summary>
    /// <exception cref="HaloException">The rows of a site could not be read; code <c>Gone</c> where they are not kept any more.</exception>
    /// <exception cref="HaloMappingException">The rows do not fit <typeparamref name="T"/>.</exception>
    public async IAsyncEnumerable<HaloSiteRow<T>> ReadAsync<[DynamicallyAccessedMembers(Needed)] T>([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await WaitAsync(cancellationToken);
        await foreach (var site in SitesAsync(SurveySiteStatus.Successful, cancellationToken))
        {
            if (site.Query is not { } query)
                continue;
            await foreach (var row in new HaloSite(_calls, site.SiteId, null).Resume(query.Id).ReadAsync<T>(cancellationToken))
                yield return new(site.SiteId, row);
        }
    }

    /// <summary>Cancels it: no more sites are asked, and what runs is stopped at its practice. What has ended stays.</summary>
    /// <returns>The survey as it stands then.</returns>
    /// <exception cref="HaloException">It could not be asked.</exception>
    public Task<Survey> CancelAsync(CancellationToken cancellationToken = default) =>
        _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Delete, Path), HaloJson.Default.Survey, cancellationToken);

    string Path => $"integrator/queries/{Id}";

    Task<Survey> GetAsync(TimeSpan wait, CancellationToken stop) => _calls.JsonAsync(Repeats.ExecutesNothing,
        () => _calls.Request(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{Path}?wait={(int)wait.TotalMilliseconds}")), HaloJson.Default.Survey, stop, wait);
}

/// <summary>A row of a survey.</summary>
/// <param name="SiteId">The site that it is of.</param>
/// <param name="Row">The row.</param>
public readonly record struct HaloSiteRow<T>(Guid SiteId, T Row);
