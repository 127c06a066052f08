using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The agent's start and its end, each in its order; the loops that run between the two are hosted services of their own.</summary>
/// <remarks>
/// Before any loop: the last remote settings. Between the status server and the session: the databases are read, the warm-up, the journal.
/// At the end first the queries, while the session still carries what they say; then all loops, and the session closes in order; then the run is over.
/// </remarks>
sealed partial class LinkLifecycle(
    LinkSettings settings, ConfiguredIdentity identity, DataDirectory directory, Runs runs, LocalSites sites, PracticeDirectory practices, LiveSettings live,
    ImmediateQueries immediate, AsyncQueries async, CurrentSession session, WarmUp warmUp, Gauges gauges, TimeProvider time, ILogger<LinkLifecycle> log)
    : IHostedLifecycleService, IDisposable
{
    /// <summary>For the queries, of the host's four seconds.</summary>
    static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(3);

    IDisposable? _telemetry;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        LiveSettings.ReserveThreads(settings);
        live.Begin();
        gauges.Begin();
        LogStarting(HostInformation.Version, identity.Link.LinkId, settings.Sites.Count, settings.ApiAddress);
        foreach (var warning in directory.KeyFiles.Select(OwnFiles.WarningFor).OfType<string>())
            LogOpenKey(warning);
        foreach (var site in sites.All.Where(s => PracticePolicy.ReliesOnModes(s.Settings.Policy)))
            LogModesAlone(site.Id);
        return Task.CompletedTask;
    }

    /// <param name="cancellationToken">Stopped before it has started, it ends as from anywhere else.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await practices.ReadAsync(_ => Task.CompletedTask, cancellationToken);
            await WarmUpAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // What follows sees the token too.
        }
        // After the warm-up, whose queries are nobody's.
        _telemetry = TelemetryExport.Start(settings, identity.Link.LinkId);
        await async.SettleAsync();
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Ends what runs, gives back what has not begun, and says so.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        LogStopping();
        using var deadline = new CancellationTokenSource(LongestEnd, time);
        try
        {
            await Task.WhenAll(immediate.StopAsync(deadline.Token), async.StopAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            // The next start settles the rest from the journal.
        }
        try
        {
            // What it does not name was never begun and never will be: the API can say so at once.
            await session.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = immediate.Held }, ProtocolJson.Default.Farewell, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            // Nobody listens: the end of the line says enough.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <param name="cancellationToken">Over: something did not end, and may still say something to the API.</param>
    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.CompletedTask;
        runs.End();
        LogStopped();
        return Task.CompletedTask;
    }

    public void Dispose() => _telemetry?.Dispose();

    async Task WarmUpAsync(CancellationToken stop)
    {
        var began = time.GetTimestamp();
        try
        {
            if (await warmUp.RunAsync(settings.WarmUp, stop) is > 0 and var queries)
                LogWarmedUp(queries, (long)time.GetElapsedTime(began).TotalMilliseconds);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogWarmUpFailed(e);
        }
    }

    [LoggerMessage(2000, LogLevel.Information, "Halo Link {Version} starts as {LinkId}, {Sites} site(s), API {Api}.")]
    partial void LogStarting(string version, Guid linkId, int sites, string api);

    [LoggerMessage(2044, LogLevel.Warning, "{Warning}")]
    partial void LogOpenKey(string warning);

    [LoggerMessage(2046, LogLevel.Warning, "Site {SiteId}: its policy lets an integrator read by modes alone. A reader's text may still write where its login may: set readOnly, with a login that can only read (docs/configuration.md).")]
    partial void LogModesAlone(Guid siteId);

    [LoggerMessage(2047, LogLevel.Information, "Warmed up by {Queries} queries of the Link's own in {Milliseconds} ms.")]
    partial void LogWarmedUp(int queries, long milliseconds);

    [LoggerMessage(2048, LogLevel.Warning, "The warm-up failed, so the first queries take longer than usual; nothing else follows from it.")]
    partial void LogWarmUpFailed(Exception exception);

    [LoggerMessage(2004, LogLevel.Information, "Stopping.")]
    partial void LogStopping();

    [LoggerMessage(2005, LogLevel.Information, "Stopped.")]
    partial void LogStopped();
}
