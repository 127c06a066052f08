using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Settling;
using Halo.Api.Sites;
using Halo.Api.Storage;

namespace Halo.Api.Queries.Surveys;

/// <summary>Asks one site of a survey: an async query like any other, taken in as any other is.</summary>
/// <remarks>Each site is asked once, however often this is begun: the query is accepted in the transaction that turns the site's row from waiting to asked.</remarks>
sealed class SurveyAsking(
    SurveyStore store, SiteAccess access, QueryAdmission admission, AsyncQueries async, QueryReader queries, QueryWaiters waiters, ILinkGateway gateway, TimeProvider time) : IDisposable
{
    /// <summary>So many at once of all surveys: each holds its command until it is stored, and none shall crowd out what callers ask.</summary>
    const int AcceptingAtOnce = 4;

    static readonly TimeSpan LookAgainAfter = TimeSpan.FromMinutes(10), TryAgainAfter = TimeSpan.FromSeconds(2);

    readonly SemaphoreSlim _accepting = new(AcceptingAtOnce);

    /// <inheritdoc/>
    public void Dispose() => _accepting.Dispose();

    /// <summary>Asks it, unless it was asked before.</summary>
    /// <param name="isCounted">A try before this one, for which there was no room, was counted among the integrator's queries of the day.</param>
    /// <returns>What is to be done with it.</returns>
    public async Task<SiteAsked> AskAsync(SurveyRecord survey, StoredSurvey what, IntegratorCaller caller, Guid siteId, bool isCounted)
    {
        var (site, refusal) = access.ForQuery(caller, siteId);
        var session = site is null ? null : gateway.Find(site.LinkId);
        if (site is not null && session is null)
            return SiteAsked.IsAway;
        if (refusal is null && what.Catalogue is { } wanted && !site!.Catalogues.Any(c => c.Name.Equals(wanted, StringComparison.OrdinalIgnoreCase)))
            refusal = Refusal.Invalid("catalogue", $"is not one of this site's: {string.Join(", ", site.Catalogues.Select(c => c.Name))}.");
        if (refusal is null && what.Batch is not null && session is { RunsBatches: false })
            refusal = QuerySubmission.LinkTooOld;
        if (refusal is null && (survey.DeadlineAt - time.GetUtcNow()).TotalMilliseconds < 1)
            return SiteAsked.IsOver;
        try
        {
            refusal ??= admission.Backlog;
            if (refusal is null && !isCounted)
            {
                refusal = await admission.TakeAsync(caller, siteId, null);
                isCounted = refusal is null;
            }
            if (refusal is null)
                return new(await AcceptAsync(survey, what, caller, site!) ?? await store.QueryOfAsync(survey.Id, siteId));
        }
        catch (RefusedException e)
        {
            refusal = e.Refusal;
        }
        // What passes by itself is waited for.
        if (refusal.Status is 503 or 429)
            return new(null) { Later = refusal.RetryAfter ?? TryAgainAfter, IsCounted = isCounted };
        await store.RefuseAsync(survey.Id, siteId, new(refusal.Code, refusal.Message));
        return SiteAsked.IsOver;
    }

    /// <summary>Whether the Link of a site is there.</summary>
    public bool IsThere(Guid siteId) => access.Find(siteId).Site is { } site && gateway.Find(site.LinkId) is not null;

    /// <returns>Null: it was asked before, or is not to be any more.</returns>
    async Task<Guid?> AcceptAsync(SurveyRecord survey, StoredSurvey what, IntegratorCaller caller, SiteRecord site)
    {
        await _accepting.WaitAsync();
        try
        {
            var left = Math.Max(1, (int)(survey.DeadlineAt - time.GetUtcNow()).TotalMilliseconds);
            return (await async.AcceptAsync(caller, site, what.ToSubmission(left), (t, queryId) => SurveyStore.AskAsync(t, survey.Id, site.Id, queryId)))?.Id;
        }
        finally
        {
            _accepting.Release();
        }
    }

    /// <summary>Waits until its query has ended, or the service stops.</summary>
    public async Task EndedAsync(SurveyRecord survey, Guid siteId, Guid queryId, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (waiters.IsStopped)
            {
                // Callers are sent away before the background stops: that is no end of the query.
                await Task.Delay(Timeout.InfiniteTimeSpan, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            }
            using var waiter = waiters.BeginOwn(queryId, LookAgainAfter, stop);
            if (await queries.FindAsync(survey.IntegratorId, siteId, queryId) is not { } query || QueryLifecycle.IsFinal(query.Status))
                return;
            await waiter.Ended;
        }
    }
}

/// <summary>What came of asking a site.</summary>
/// <param name="QueryId">Its query, whose end is waited for; null: it has none.</param>
readonly record struct SiteAsked(Guid? QueryId)
{
    /// <summary>Its Halo Link is not there: it is asked when that comes back.</summary>
    public static SiteAsked IsAway { get; } = new(null) { Away = true };

    /// <summary>It is not asked any more.</summary>
    public static SiteAsked IsOver { get; }

    public bool Away { get; private init; }

    /// <summary>There is no room now: it is tried again after this; null: it is not.</summary>
    public TimeSpan? Later { get; init; }

    /// <summary>It was counted among the integrator's queries of the day.</summary>
    public bool IsCounted { get; init; }
}
