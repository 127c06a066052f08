using System.Net.WebSockets;
using Halo.Line;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Session;

/// <summary>Keeps a session open, forever. The first failure and the recovery are logged, the attempts between are not.</summary>
sealed partial class SessionLoop(
    LinkConnector connector,
    ConnectionProblem problem,
    Func<LineConnection, OpenSession> open,
    Func<IReadOnlyList<SiteDescription>> describe,
    Func<IReadOnlyList<SiteDescription>, Task<Hello>> greet,
    FrameDispatcher dispatcher,
    LinkState state,
    ConnectionSettings settings,
    Random random,
    TimeProvider time,
    ILogger<SessionLoop> log)
{
    /// <summary>A session that lasted so long was a good one: the next failure begins anew.</summary>
    static readonly TimeSpan GoodSession = TimeSpan.FromSeconds(10);

    readonly Backoff _backoff = new(random, settings.FirstWait, settings.LongestWait);
    readonly SessionWords _words = new();
    readonly Lock _lock = new();
    LineConnection? _line;
    TaskCompletionSource _again = NewSignal();
    bool _everConnected;

    /// <summary>The sites are described anew: a new session takes the place of the open one, or is tried at once.</summary>
    public void AnnounceAgain()
    {
        lock (_lock)
        {
            _again.TrySetResult();
            _line?.Abort(SessionWords.Announcing);
        }
    }

    /// <summary>Runs until it is stopped; then the open session is closed in order.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var delay = await TryOnceAsync(stop);
                await WaitAsync(delay, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>One attempt and, where it succeeds, one session.</summary>
    /// <returns>How long to wait before the next.</returns>
    async Task<TimeSpan> TryOnceAsync(CancellationToken stop)
    {
        lock (_lock)
            if (_again.Task.IsCompleted)
                _again = NewSignal();
        try
        {
            var sites = describe();
            if (sites.Count == 0)
                throw new NotAdmittedException("noSite",
                    "No site can be announced, since its practice's id or name could not be read from the database yet: check the database and the setting practiceManagementSiteId.");
            var (line, notices) = await connector.ConnectAsync(sites, stop);
            await using (line)
            {
                dispatcher.Tell(notices);
                return await CarryAsync(line, await greet(sites), stop);
            }
        }
        catch (NotAdmittedException e)
        {
            Failed(e.Reason, e.Message);
            return e.RetryAfter ?? _backoff.Next();
        }
        catch (ApiRefusedException e)
        {
            Failed(e.ByApi ? null : "foreign", e.ByApi ? $"The API answered: {e.Message}" : e.Message);
            return e.RetryAfter ?? _backoff.Next();
        }
        catch (Exception e) when (e is HttpRequestException or WebSocketException or IOException)
        {
            var (reason, message) = problem.Explain(e);
            Failed(reason, message);
            return _backoff.Next();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A fault of the Link's own must not end it: a practice would be cut off until somebody comes.
            LogFault(FaultText.Of(e));
            Failed("fault", $"The Link met a fault of its own ({e.GetType().Name}).");
            return _backoff.Next();
        }
    }

    async Task<TimeSpan> CarryAsync(LineConnection line, Hello hello, CancellationToken stop)
    {
        long? welcomed = null;
        lock (_lock)
        {
            // Described anew while this one was being opened.
            if (_again.Task.IsCompleted)
                return TimeSpan.Zero;
            _line = line;
        }
        string? reason;
        try
        {
            reason = await open(line).RunAsync(hello, welcome =>
            {
                welcomed = time.GetTimestamp();
                Recovered(welcome);
            }, stop);
        }
        finally
        {
            lock (_lock)
                _line = null;
        }
        stop.ThrowIfCancellationRequested();
        if (welcomed is { } since && time.GetElapsedTime(since) >= GoodSession)
            _backoff.Reset();
        if (reason == SessionWords.Announcing)
            return TimeSpan.Zero;
        // The API's own word. A line that this end dropped for what the API said tells nothing of what it was told.
        if (line.OtherCloseReason == LineCloseReason.ProtocolError && welcomed is not null)
            dispatcher.OnRejected();
        Failed(SessionWords.IsCoded(reason) ? reason : null, SessionWords.For(reason, settings));
        return reason is LineCloseReason.ApiStopping or LineCloseReason.PlaceKept ? Soon() : _backoff.Next();
    }

    /// <summary>The API says that it will be there again at once: within two seconds, or the settings' longest wait where that is shorter.</summary>
    TimeSpan Soon() => TimeSpan.FromSeconds(Math.Min(2, settings.LongestWait.TotalSeconds) * random.NextDouble());

    void Failed(string? reason, string message)
    {
        state.Disconnected(message);
        Telemetry.ConnectFailed();
        if (!_words.IsNews(reason))
            return;
        if (reason == LineCloseReason.ApiStopping)
            LogPaused(message);
        else
            LogFailed(message);
    }

    void Recovered(Welcome welcome)
    {
        state.Connected();
        Telemetry.SessionOpened();
        if (_words.Recovered() || !_everConnected)
            LogConnected(welcome.SessionId, welcome.ApiVersion);
        _everConnected = true;
    }

    async Task WaitAsync(TimeSpan delay, CancellationToken stop)
    {
        Task again;
        lock (_lock)
            again = _again.Task;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(Task.Delay(delay, time, over.Token), again);
        await over.CancelAsync();
        stop.ThrowIfCancellationRequested();
    }

    static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(2020, LogLevel.Information, "Connected: session {SessionId}, Halo API {ApiVersion}.")]
    partial void LogConnected(Guid sessionId, string apiVersion);

    [LoggerMessage(2021, LogLevel.Warning, "Not connected. {Message} The Link keeps trying and says here when it is connected again.")]
    partial void LogFailed(string message);

    [LoggerMessage(2022, LogLevel.Information, "Not connected. {Message}")]
    partial void LogPaused(string message);

    [LoggerMessage(2023, LogLevel.Error, "A fault of the Link's own: {Fault}")]
    partial void LogFault(string fault);
}
