using System.Collections.Concurrent;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Surveys;

/// <summary>Carries surveys out in the background, and takes up at the start what an earlier run of the service left.</summary>
sealed partial class SurveyRunner(
    SurveyStore store, SurveyAsking asking, IntegratorDirectory integrators, EventSignals signals, TimeProvider time, ILogger<SurveyRunner> log) : IHostedService, IDisposable
{
    static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<Guid, SurveyRun> _runs = new();
    readonly ConcurrentDictionary<Guid, Task> _tasks = new();
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
        await Task.WhenAll(_tasks.Values).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    /// <summary>Carries out a survey that is stored.</summary>
    public void Begin(SurveyRecord survey) => _tasks[survey.Id] = Task.Run(() => CarryOutAsync(survey));

    /// <summary>No more of its sites are asked.</summary>
    public void Over(Guid surveyId) => _runs.GetValueOrDefault(surveyId)?.Over();

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
            await AskAsync(survey);
            if (_stopping.IsCancellationRequested)
                return false;
            if (await store.FinishAsync(survey))
                signals.Raise([survey.IntegratorId]);
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

    async Task AskAsync(SurveyRecord survey)
    {
        StoredSurvey what;
        try
        {
            what = StoredSurvey.Read(store.OpenRequest(survey));
        }
        catch (SealBrokenException)
        {
            // It can never be asked; what was asked before is waited for.
            LogUnreadable(survey.Id);
            await store.ExpireAsync(survey.Id);
            what = new(new(""));
        }
        var open = await store.SitesAsync(survey.Id, SurveySiteStatus.Running, null, int.MaxValue);
        var waiting = await store.SitesAsync(survey.Id, SurveySiteStatus.Waiting, null, int.MaxValue);
        var run = new SurveyRun(survey, what, new(integrators, survey.IntegratorId), asking, time, Failing);
        _runs[survey.Id] = run;
        var asked = run.AskAsync([.. waiting.Select(w => w.SiteId)], [.. open.Where(o => o.QueryId is not null).Select(o => (o.SiteId, o.QueryId!.Value))], _stopping.Token);
        var left = survey.DeadlineAt - time.GetUtcNow();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var deadline = Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, done.Token);
        if (await Task.WhenAny(asked, deadline) == deadline && deadline.IsCompletedSuccessfully)
        {
            run.Over();
            await store.ExpireAsync(survey.Id);
        }
        await done.CancelAsync();
        await asked;
    }

    void Failing(Exception e)
    {
        if (Interlocked.Exchange(ref _failing, 1) == 0)
            LogFailing(e.GetType().Name);
    }

    [LoggerMessage(1251, LogLevel.Error, "Surveys cannot be carried on with ({Exception}); trying again every few seconds until it works.")]
    partial void LogFailing(string exception);

    [LoggerMessage(1252, LogLevel.Information, "Surveys are carried on with again.")]
    partial void LogRecovered();

    [LoggerMessage(1253, LogLevel.Error, "What survey {SurveyId} asks cannot be read any more; its other sites are not asked.")]
    partial void LogUnreadable(Guid surveyId);
}
