using System.Collections.Concurrent;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Surveys;

/// <summary>Carries surveys out in the background, and takes up at the start what an earlier run of the service left.</summary>
sealed partial class SurveyRunner(
    SurveyStore store, SurveyAsking asking, QueryCancelling cancelling, IntegratorDirectory integrators, EventSignals signals, QueryWaiters waiters, TimeProvider time, ILogger<SurveyRunner> log) : IHostedService, IDisposable
{
    const int CancellingAtOnce = 8;
    static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<Guid, SurveyRun> _runs = new();
    readonly ConcurrentDictionary<Guid, Lazy<Task>> _tasks = new();
    readonly CancellationTokenSource _stopping = new();
    int _failing;

    /// <summary>Takes up what has not ended.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var survey in await store.RunningAsync())
            Begin(survey);
    }

    /// <summary>Stops; what runs at sites runs on, and is taken up at the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_tasks.Values.Select(t => t.Value)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    /// <summary>Carries out a survey that is stored, or may be; one that is carried out goes on as it does.</summary>
    public void Begin(SurveyRecord survey) => _ = _tasks.GetOrAdd(survey.Id, _ => new(() => Task.Run(() => CarryOutAsync(survey)))).Value;

    /// <summary>It was cancelled: no more of its sites are asked, and what runs is stopped.</summary>
    public async Task CancelAsync(SurveyRecord survey)
    {
        _runs.GetValueOrDefault(survey.Id)?.Over();
        await Parallel.ForEachAsync(await store.SitesAsync(survey.Id, SurveySiteStatus.Running, null, int.MaxValue), new ParallelOptions { MaxDegreeOfParallelism = CancellingAtOnce },
            async (site, _) => await cancelling.AskAsync(survey.IntegratorId, site.SiteId, site.QueryId!.Value));
    }

    /// <summary>The Link of these sites is there: those that were waited for are asked.</summary>
    public void Returned(IReadOnlyCollection<Guid> sites)
    {
        foreach (var run in _runs.Values)
            run.Returned(sites);
    }

    async Task CarryOutAsync(SurveyRecord survey)
    {
        try
        {
            while (!_stopping.IsCancellationRequested && !await TryAsync(survey))
                await Task.Delay(TryAgainAfter, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            _runs.TryRemove(survey.Id, out _);
            _tasks.TryRemove(survey.Id, out _);
        }
    }

    /// <returns>Whether it is finished.</returns>
    async Task<bool> TryAsync(SurveyRecord survey)
    {
        try
        {
            if (!await AskAsync(survey))
                return true;
            // Whatever was broken off on the way: it has not ended as long as one of its sites has not.
            if (_stopping.IsCancellationRequested || await store.SitesAsync(survey.Id, SurveySiteStatus.Running, null, 1) is { Count: > 0 })
                return false;
            if (await store.FinishAsync(survey))
                signals.Raise([survey.IntegratorId]);
            // Ids of surveys are like those of queries.
            waiters.Wake(survey.Id);
            if (Interlocked.Exchange(ref _failing, 0) != 0)
                LogRecovered();
            return true;
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            Failing(e);
            return false;
        }
    }

    /// <returns>False: there is no such survey, or it has ended.</returns>
    async Task<bool> AskAsync(SurveyRecord survey)
    {
        if (await ReadAsync(survey) is not { } what)
            return false;
        var run = new SurveyRun(survey, what, new(integrators, survey.IntegratorId), asking, time, Failing);
        // Before its sites are read: who cancels it from here on finds the run, and who did before is found by it.
        _runs[survey.Id] = run;
        if (await store.FindAsync(survey.IntegratorId, survey.Id) is { CancelledAt: not null })
            await CancelAsync(survey);
        var running = await store.SitesAsync(survey.Id, SurveySiteStatus.Running, null, int.MaxValue);
        var waiting = await store.SitesAsync(survey.Id, SurveySiteStatus.Waiting, null, int.MaxValue);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var asked = run.AskAsync([.. waiting.Select(w => w.SiteId)], [.. running.Select(r => (r.SiteId, r.QueryId!.Value))], _stopping.Token);
        var left = survey.DeadlineAt - time.GetUtcNow();
        var deadline = Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, done.Token);
        if (await Task.WhenAny(asked, deadline) == deadline && deadline.IsCompletedSuccessfully)
        {
            run.Over();
            await ExpireAsync(survey.Id);
        }
        await done.CancelAsync();
        await asked;
        return true;
    }

    /// <returns>What it asks; null: there is no such survey, or it has ended.</returns>
    async Task<StoredSurvey?> ReadAsync(SurveyRecord survey)
    {
        try
        {
            return await store.OpenRequestAsync(survey.Id) is { } request ? StoredSurvey.Read(request) : null;
        }
        catch (SealBrokenException)
        {
            // It can never be asked; what was asked before is waited for.
            LogUnreadable(survey.Id);
            await store.ExpireAsync(survey.Id);
            return new(new(""));
        }
    }

    async Task ExpireAsync(Guid surveyId)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await store.ExpireAsync(surveyId);
                return;
            }
            catch (Exception e)
            {
                Failing(e);
                await Task.Delay(TryAgainAfter, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    void Failing(Exception e)
    {
        if (Interlocked.Exchange(ref _failing, 1) == 0)
            LogFailing(e.GetType().Name);
    }

    [LoggerMessage(1261, LogLevel.Error, "Surveys cannot be carried on with ({Exception}); trying again every few seconds until it works.")]
    partial void LogFailing(string exception);

    [LoggerMessage(1262, LogLevel.Information, "Surveys are carried on with again.")]
    partial void LogRecovered();

    [LoggerMessage(1263, LogLevel.Error, "What survey {SurveyId} asks cannot be read any more; its other sites are not asked.")]
    partial void LogUnreadable(Guid surveyId);
}
