using System.Collections.Concurrent;
using Halo.Client;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Data.Connections;

/// <summary>What connections with the same settings share: the client with its HTTP connections, and the site once it was found.</summary>
sealed class SharedSite(HaloClient client, string site, bool ownsClient) : IDisposable
{
    // By what HTTP connections depend on: address, key, patience.
    static readonly ConcurrentDictionary<(string Api, string Key, int Retry, int Answer), Lazy<HaloClient>> Clients = new();
    static readonly ConcurrentDictionary<(HaloClient, string), SharedSite> Shared = new();

    HaloSite? _found;
    TimeSpan _longest;

    /// <summary>Of all connections that name this practice, for as long as the program runs. All practices of a service and a key share one client with its HTTP connections.</summary>
    public static SharedSite Of(HaloDbConnectionStringBuilder settings)
    {
        var (site, options) = (Checked(settings.Site), settings.ToClient());
        var client = Clients.GetOrAdd((settings.Api, settings.Key, settings.RetryTimeout, settings.AnswerTimeout), _ => new(() => new HaloClient(options))).Value;
        return Shared.GetOrAdd((client, site), static place => new(place.Item1, place.Item2, ownsClient: false));
    }

    /// <exception cref="ArgumentException">The settings are not valid; the text names every fault.</exception>
    public static SharedSite Make(HaloDbConnectionStringBuilder settings) => new(new HaloClient(settings.ToClient()), Checked(settings.Site), ownsClient: true);

    /// <exception cref="ArgumentException">It names no practice.</exception>
    public static string Checked(string site)
    {
        var slash = site.LastIndexOf('/');
        return Guid.TryParse(site, out _) || slash > 0 && slash < site.Length - 1
            ? site
            : throw new ArgumentException("Site is required: the site's id, or the practice's system and its id in that, as Best Practice/12345.");
    }

    /// <summary>The site, asked for once.</summary>
    /// <exception cref="HaloDbException">There is none, or it could not be asked.</exception>
    public async Task<HaloSite> GetAsync(CancellationToken stop)
    {
        if (_found is { } known)
            return known;
        try
        {
            var slash = site.LastIndexOf('/');
            _longest = TimeSpan.FromMilliseconds((await client.GetLimitsAsync(stop)).ImmediateExecution);
            return _found = Guid.TryParse(site, out var id)
                ? await client.Sites.GetAsync(id, stop)
                : await client.Sites.FindAsync(site[..slash], site[(slash + 1)..], stop)
                    ?? throw new HaloDbException($"There is no practice {site[(slash + 1)..]} of {site[..slash]}: see whether both are written as the practice has them.")
                    {
                        Executed = Executed.No,
                        Code = ErrorCodes.NotFound,
                    };
        }
        catch (HaloException e)
        {
            throw new HaloDbException(e);
        }
    }

    /// <summary>A failure as ADO.NET has it. A practice that moved to another site is looked up again when a connection is opened next.</summary>
    public HaloDbException Failed(HaloException failure, IReadOnlyList<System.Data.Common.DbBatchCommand>? batch = null)
    {
        if (failure.Code is ErrorCodes.NotAuthoritative or ErrorCodes.SiteRemoved or ErrorCodes.NotFound)
            _found = null;
        return new(failure, batch);
    }

    /// <summary>The execution limit for so many seconds, once the site was asked for: what is more than the service lets anybody have is that.</summary>
    public TimeSpan? LimitOf(int seconds)
    {
        var wanted = TimeSpan.FromSeconds(seconds);
        return seconds > 0 && wanted < _longest ? wanted : _longest > TimeSpan.Zero ? _longest : null;
    }

    public void Dispose()
    {
        if (ownsClient)
            client.Dispose();
    }
}
