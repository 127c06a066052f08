using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Surveys;

/// <summary>One thing asked of many sites: begun, shown, cancelled.</summary>
sealed class SurveyQueries(
    SurveyStore store, SurveyRunner runner, QueryReader queries, QueryWaiters waiters, QueryAdmission admission, IdempotencyStore keys,
    SiteDirectory sites, SiteAccess access, Availability availability, QueryLimits limits, TimeProvider time)
{
    /// <summary>404 for a survey.</summary>
    public static Refusal Unknown { get; } = Refusal.NotFound("You have no such survey.");

    /// <summary>Begins one; when this returns it is durable.</summary>
    /// <param name="key">With an <c>Idempotency-Key</c>: the first of its requests is carried out, a repeat gets the same survey.</param>
    public async Task<SurveyBegun> BeginAsync(IntegratorCaller caller, QuerySubmission asked, SurveyScope scope, IdempotentRequest? key)
    {
        if (key is not null && await RepeatAsync(caller, key) is { } repeated)
            return repeated;
        if (admission.Backlog is { } full)
            return new(null, full);
        var chosen = scope.Sites ?? Choose(caller, scope);
        if (chosen.Count is 0 or > SurveyRequestReader.MostSites)
        {
            return new(null, Refusal.Invalid("filter", chosen.Count == 0
                ? "fits none of your sites that may be queried."
                : $"fits {chosen.Count} sites; a survey has {SurveyRequestReader.MostSites} at most."));
        }
        var now = time.GetUtcNow();
        var survey = new SurveyRecord(QueryIds.Next(now), caller.Integrator.Id)
        {
            Tag = asked.Tag,
            AtOnce = scope.AtOnce,
            Sites = chosen.Count,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds()),
            DeadlineAt = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds() + asked.MaxTimeInQueue),
        };
        switch (await AddAsync(survey, chosen, asked, key))
        {
            case SurveyAdded.NotWanted:
                return await RepeatAsync(caller, key!) ?? new(null, Unknown);
            case SurveyAdded.TooMany:
                // The last place may have gone to a request with the same key.
                return key is not null && await RepeatAsync(caller, key) is { } same ? same : new(null, new(409, ErrorCodes.Conflict,
                    $"You have {limits.SurveysPerIntegrator} surveys running, as many as are allowed. Cancel one, or wait until one ends (event survey.finished)."));
            default:
                // Nothing is read again: whoever is told of a failure now would begin it a second time.
                return new(Show(survey, new Dictionary<SurveySiteStatus, int> { [SurveySiteStatus.Waiting] = survey.Sites }) with { Notices = asked.Notices }, null);
        }
    }

    /// <summary>One of an integrator's own; null: there is none.</summary>
    public async Task<Survey?> FindAsync(Guid integratorId, Guid id) => await store.FindAsync(integratorId, id) is { } survey ? await ShowAsync(survey) : null;

    /// <summary>The same, as soon as it is finished, or after a time.</summary>
    public async Task<Survey?> WaitAsync(IntegratorCaller caller, Guid id, TimeSpan atMost, CancellationToken gone)
    {
        using var waiter = waiters.Begin(id, atMost, gone);
        var survey = await FindAsync(caller.Integrator.Id, id);
        if (survey is not { Status: not SurveyStatus.Finished })
            return survey;
        await waiter.Ended;
        gone.ThrowIfCancellationRequested();
        return await FindAsync(caller.Integrator.Id, id);
    }

    /// <summary>An integrator's own, newest first.</summary>
    public async Task<SurveyList> ListAsync(Guid integratorId, Guid? before, int limit)
    {
        var found = await store.ListAsync(integratorId, before, limit + 1);
        var page = new List<Survey>();
        foreach (var survey in found.Take(limit))
            page.Add(await ShowAsync(survey));
        return new(page) { Next = found.Count > limit ? page[^1].Id.ToString() : null };
    }

    /// <summary>What became of one at its sites; null: there is none.</summary>
    public async Task<SurveySiteList?> SitesAsync(IntegratorCaller caller, Guid id, SurveySiteStatus? status, Guid? after, int limit)
    {
        var integrator = caller.Integrator;
        if (await store.FindAsync(integrator.Id, id) is null)
            return null;
        var found = await store.SitesAsync(id, status, after, limit + 1);
        var page = found.Take(limit).ToList();
        var own = new Dictionary<Guid, QueryRecord>();
        foreach (var step in page.Where(s => integrator.Sites.Contains(s.SiteId)).Select(s => s.QueryId).OfType<Guid>().Chunk(100))
        {
            foreach (var query in await queries.FindManyAsync(integrator.Id, null, step))
                own[query.Id] = query;
        }
        return new([.. page.Select(s => Show(s, s.QueryId is { } queryId ? own.GetValueOrDefault(queryId) : null))])
        {
            Next = found.Count > limit ? page[^1].SiteId.ToString() : null,
        };
    }

    /// <summary>Cancels one: no more sites are asked, and what runs is stopped as any query is.</summary>
    /// <returns>Where it stands; null: there is none.</returns>
    public async Task<Survey?> CancelAsync(Guid integratorId, Guid id)
    {
        if (await store.FindAsync(integratorId, id) is not { } survey)
            return null;
        await store.CancelAsync(id);
        // Also where it was cancelled before: the call that did so may have been cut short.
        await runner.CancelAsync(survey);
        return await FindAsync(integratorId, id);
    }

    async Task<SurveyAdded> AddAsync(SurveyRecord survey, IReadOnlyList<Guid> chosen, QuerySubmission asked, IdempotentRequest? key)
    {
        var request = StoredSurvey.Write(asked);
        using var claim = key is null ? null : new IdempotencyClaim(keys, key, Guid.Empty) { SiteId = Guid.Empty };
        var added = SurveyAdded.NotWanted;
        try
        {
            added = await store.AddAsync(survey, chosen, request, limits.SurveysPerIntegrator, claim is null ? null : claim.TryAsync).OrRefuseAsync(unlessStored: true);
            return added;
        }
        catch (StorageException)
        {
            // It may be stored: then it is carried out.
            added = SurveyAdded.Stored;
            throw;
        }
        finally
        {
            claim?.End();
            if (added == SurveyAdded.Stored)
                runner.Begin(survey);
        }
    }

    /// <returns>Null: the key is free.</returns>
    async Task<SurveyBegun?> RepeatAsync(IntegratorCaller caller, IdempotentRequest key)
    {
        if (await keys.FindAsync(key).OrRefuseAsync() is not { } bound)
            return null;
        if (!bound.Hash.AsSpan().SequenceEqual(key.Hash))
            return new(null, IdempotentQueries.Reused);
        return await FindAsync(caller.Integrator.Id, bound.QueryId) is { } survey
            ? new(survey, null) { IsReplay = true }
            : new(null, Unknown);
    }

    List<Guid> Choose(IntegratorCaller caller, SurveyScope scope) =>
    [
        .. caller.Integrator.Sites.Order().Select(sites.Find).OfType<SiteRecord>()
            .Where(s => scope.PmsName is null || s.PmsName.Equals(scope.PmsName, StringComparison.OrdinalIgnoreCase))
            .Where(s => scope.Availability is null || availability.Of(s) == scope.Availability)
            .Where(s => access.ForQuery(caller, s.Id).Refusal is null)
            .Select(s => s.Id),
    ];

    async Task<Survey> ShowAsync(SurveyRecord survey) => Show(survey, await store.CountAsync(survey.Id));

    static Survey Show(SurveyRecord survey, IReadOnlyDictionary<SurveySiteStatus, int> counts)
    {
        return new()
        {
            Id = survey.Id,
            Status = survey.FinishedAt is not null ? SurveyStatus.Finished : survey.CancelledAt is not null ? SurveyStatus.Cancelling : SurveyStatus.Running,
            Tag = survey.Tag,
            AtOnce = survey.AtOnce,
            CreatedAt = survey.CreatedAt,
            DeadlineAt = survey.DeadlineAt,
            CancelledAt = survey.CancelledAt,
            FinishedAt = survey.FinishedAt,
            Sites = new(survey.Sites, Of(SurveySiteStatus.Waiting), Of(SurveySiteStatus.Running), Of(SurveySiteStatus.Successful), Of(SurveySiteStatus.Failed),
                Of(SurveySiteStatus.Expired), Of(SurveySiteStatus.Cancelled), Of(SurveySiteStatus.Refused)),
        };

        int Of(SurveySiteStatus status) => counts.GetValueOrDefault(status);
    }

    static SurveySite Show(SurveySiteRecord site, QueryRecord? query) => new()
    {
        SiteId = site.SiteId,
        Status = site.Status,
        Query = query is null ? null : QueryView.Of(query) with { Result = null, Results = null },
        Refusal = site.Refusal,
    };
}

/// <summary>A survey that was begun, or why none was.</summary>
sealed record SurveyBegun(Survey? Survey, Refusal? Refusal)
{
    /// <summary>An earlier request with the same key began it.</summary>
    public bool IsReplay { get; init; }
}
