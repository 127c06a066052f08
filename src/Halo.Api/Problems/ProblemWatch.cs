using System.Diagnostics.Metrics;
using Halo.Api.Basics;
using Halo.Contracts.Admin;

namespace Halo.Api.Problems;

/// <summary>Looks for problems once a minute: a metric counts them, and each is logged once it has lasted for two looks, and when it ends.</summary>
sealed partial class ProblemWatch : BackgroundService
{
    static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    /// <summary>Lines of one kind in one look: where a whole town is without power, each further line says no more.</summary>
    const int MostLines = 20;

    readonly ProblemFinder _finder;
    readonly TimeProvider _time;
    readonly ILogger _log;
    readonly Meter _meter;

    /// <summary>Problems that were logged, by id.</summary>
    readonly Dictionary<string, Problem> _logged = [];
    Dictionary<string, Problem> _last = [];
    bool _isFailing;

    public ProblemWatch(ProblemFinder finder, TimeProvider time, ILogger<ProblemWatch> log)
    {
        (_finder, _time, _log) = (finder, time, log);
        _meter = new Meter(new MeterOptions(Telemetry.Name) { Version = ProductVersion.Text, Scope = this });
        _meter.CreateObservableGauge("halo.problems", Counts, "{problem}", "What needs a person, by kind, as GET /admin/v1/problems lists it; at most a minute old");
    }

    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, _time);
        do
        {
            try
            {
                Take(await _finder.FindAsync().WaitAsync(stoppingToken));
                if (_isFailing)
                    LogRecovered();
                _isFailing = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (!_isFailing)
                    LogFailing(e.GetType().Name);
                _isFailing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Compares what is there with what was there a minute ago.</summary>
    void Take(IReadOnlyList<Problem> found)
    {
        var (before, now) = (_last, found.ToDictionary(p => p.Id));
        Volatile.Write(ref _last, now);
        foreach (var begun in found.Where(p => before.ContainsKey(p.Id) && !_logged.ContainsKey(p.Id)).GroupBy(p => p.Kind))
        {
            foreach (var problem in begun.Take(MostLines))
                LogBegun(problem.Kind, problem.Message, problem.Action);
            if (begun.Count() > MostLines)
                LogMoreBegun(begun.Key, begun.Count() - MostLines);
            foreach (var problem in begun)
                _logged[problem.Id] = problem;
        }
        foreach (var ended in _logged.Values.Where(p => !now.ContainsKey(p.Id)).ToList().GroupBy(p => p.Kind))
        {
            foreach (var problem in ended.Take(MostLines))
                LogEnded(problem.Kind, problem.Message);
            if (ended.Count() > MostLines)
                LogMoreEnded(ended.Key, ended.Count() - MostLines);
            foreach (var problem in ended)
                _logged.Remove(problem.Id);
        }
    }

    /// <summary>Of every kind: an alert needs the zero, too.</summary>
    IEnumerable<Measurement<long>> Counts()
    {
        var counts = Volatile.Read(ref _last).Values.CountBy(p => p.Kind).ToDictionary();
        return ProblemKinds.All.Select(kind => new Measurement<long>(counts.GetValueOrDefault(kind), new KeyValuePair<string, object?>("halo.problem.kind", kind)));
    }

    [LoggerMessage(1430, LogLevel.Warning, "Problem {Kind}: {Message} {Action}")]
    partial void LogBegun(string kind, string message, string action);

    [LoggerMessage(1431, LogLevel.Warning, "Problem {Kind}: {Count} more; GET /admin/v1/problems lists them.")]
    partial void LogMoreBegun(string kind, int count);

    [LoggerMessage(1432, LogLevel.Information, "Problem {Kind} is over: {Message}")]
    partial void LogEnded(string kind, string message);

    [LoggerMessage(1434, LogLevel.Error, "Problems cannot be looked for ({Exception}); trying again every minute until it works.")]
    partial void LogFailing(string exception);

    [LoggerMessage(1435, LogLevel.Information, "Problems are looked for again.")]
    partial void LogRecovered();

    [LoggerMessage(1433, LogLevel.Information, "Problem {Kind} is over for {Count} more.")]
    partial void LogMoreEnded(string kind, int count);
}
