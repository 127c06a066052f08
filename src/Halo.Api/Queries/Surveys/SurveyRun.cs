using System.Threading.Channels;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Storage;

namespace Halo.Api.Queries.Surveys;

/// <summary>One survey under way: as many workers as sites may be asked at once; each asks a site, waits for its end, and takes the next.</summary>
/// <remarks>
/// Sites wait in one of two places: ready, where a worker takes them from, or away, from where their Link's return brings them. What a worker does is in the
/// store before it goes on, so a run that is broken off at any point is taken up again by another.
/// </remarks>
sealed class SurveyRun(SurveyRecord survey, StoredSurvey what, IntegratorCaller caller, SurveyAsking asking, TimeProvider time, Action<Exception> failing)
{
    static readonly TimeSpan StoreAwayFor = TimeSpan.FromSeconds(5);

    readonly Lock _lock = new();
    readonly Channel<(Guid Site, Guid? Query)> _ready = Channel.CreateUnbounded<(Guid, Guid?)>();
    readonly HashSet<Guid> _away = [];
    int _left;
    bool _hasBegun;
    volatile bool _isOver;

    /// <summary>Asks the sites, until each has ended, or the service stops.</summary>
    /// <param name="waiting">Not asked yet.</param>
    /// <param name="running">Asked before, with their queries.</param>
    public async Task AskAsync(IReadOnlyList<Guid> waiting, IReadOnlyList<(Guid Site, Guid Query)> running, CancellationToken stop)
    {
        lock (_lock)
        {
            _left = waiting.Count + running.Count;
            // What runs holds its place first.
            foreach (var (site, query) in running)
                _ready.Writer.TryWrite((site, query));
            foreach (var site in waiting)
                _ready.Writer.TryWrite((site, null));
            _hasBegun = true;
            if (_left == 0 || _isOver)
                _ready.Writer.TryComplete();
        }
        using var stopped = stop.UnsafeRegister(static me => ((SurveyRun)me!).Over(), this);
        await Task.WhenAll(Enumerable.Range(0, Math.Clamp(survey.AtOnce, 1, Math.Max(_left, 1))).Select(_ => WorkAsync(stop)));
    }

    /// <summary>No more sites are asked; what runs is waited for.</summary>
    public void Over()
    {
        lock (_lock)
        {
            _isOver = true;
            // What runs has to come in first.
            if (_hasBegun)
                _ready.Writer.TryComplete();
        }
    }

    /// <summary>The Link of these sites is there.</summary>
    public void Returned(IReadOnlyCollection<Guid> sites)
    {
        lock (_lock)
        {
            foreach (var site in sites)
            {
                if (_away.Remove(site))
                    _ready.Writer.TryWrite((site, null));
            }
        }
    }

    async Task WorkAsync(CancellationToken stop)
    {
        await foreach (var (site, query) in _ready.Reader.ReadAllAsync(CancellationToken.None))
        {
            if (await TryAsync(site, query, stop) && Interlocked.Decrement(ref _left) == 0)
                _ready.Writer.TryComplete();
        }
    }

    /// <summary>Asks a site, unless that was done before, and waits for its end.</summary>
    /// <returns>False: it is away.</returns>
    async Task<bool> TryAsync(Guid site, Guid? query, CancellationToken stop)
    {
        var isCounted = false;
        while (!stop.IsCancellationRequested && (query is not null || !_isOver))
        {
            var wait = StoreAwayFor;
            try
            {
                var asked = query is null ? await asking.AskAsync(survey, what, caller, site, isCounted) : new(query);
                if (asked.Away)
                {
                    Await(site);
                    return false;
                }
                query = asked.QueryId;
                if (query is { } id)
                    await asking.EndedAsync(survey, site, id, stop);
                if (asked.Later is null)
                    return true;
                (wait, isCounted) = (asked.Later.Value, asked.IsCounted);
            }
            catch (Exception e)
            {
                // As where the store is away: the site keeps its place.
                failing(e);
            }
            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return true;
    }

    void Await(Guid site)
    {
        lock (_lock)
            _away.Add(site);
        // It may have come back between the look and this.
        if (asking.IsThere(site))
            Returned([site]);
    }
}
