using Halo.Line;
using Halo.Link.Settings;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Session;

/// <summary>One session from Hello to its end.</summary>
sealed class OpenSession(
    LineConnection line, FrameDispatcher dispatcher, CurrentSession current, Func<CancellationToken, Task<Heartbeat>> heartbeat, HeartbeatPeriod period, AccessTokens tokens,
    CloseReason closing, ConnectionSettings settings, Random random, TimeProvider time)
{
    static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(1);
    static readonly TimeSpan ShortestPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Says Hello and carries the session until the line ends, or until it is stopped: then it closes in order.</summary>
    /// <param name="welcome">Called once, when work may flow.</param>
    /// <returns>Why it ended: a word of <see cref="LineCloseReason"/>, or null where the line broke.</returns>
    public async Task<string?> RunAsync(Hello hello, Action<Welcome> welcome, CancellationToken stop)
    {
        var welcomed = new TaskCompletionSource<Welcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        // Not ended by the token: a receive that is cancelled tears the socket down, and nothing could be said any more.
        var receiving = line.ReceiveAsync(frame =>
        {
            dispatcher.Handle(frame, line, welcomed);
            return ValueTask.CompletedTask;
        }, FrameBounds.FromApi, frame =>
        {
            dispatcher.HandleTooLarge(frame, line);
            return ValueTask.CompletedTask;
        });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, line.Dead);
        var beside = Task.CompletedTask;
        try
        {
            await line.SendAsync(FrameKind.Hello, Guid.Empty, hello, ProtocolJson.Default.Hello, stop);
            var answer = await welcomed.Task.WaitAsync(settings.CallWithin, time, ended.Token);
            welcome(answer);
            period.Tell(TimeSpan.FromSeconds(answer.HeartbeatSeconds));
            beside = Task.WhenAll(BeatAsync(ended.Token), RenewAsync(ended.Token));
            await receiving.WaitAsync(stop);
        }
        catch (TimeoutException)
        {
            line.Abort("NoWelcome");
        }
        catch (OperationCanceledException)
        {
            if (stop.IsCancellationRequested)
                await FarewellAsync(receiving);
        }
        await receiving;
        current.Set(null);
        await ended.CancelAsync();
        await beside;
        return line.CloseReason is { Length: > 0 } reason ? reason : null;
    }

    async Task FarewellAsync(Task receiving)
    {
        try
        {
            await Task.WhenAll(line.CloseAsync(closing.Word), receiving).WaitAsync(LongestFarewell, time);
        }
        catch (TimeoutException)
        {
            line.Abort(closing.Word);
        }
    }

    async Task BeatAsync(CancellationToken ended)
    {
        try
        {
            while (true)
            {
                var changed = period.Changed;
                // From one beginning to the next: a database that is slow to answer makes no period longer.
                var began = time.GetTimestamp();
                await line.SendAsync(FrameKind.Heartbeat, Guid.Empty, await heartbeat(ended), ProtocolJson.Default.Heartbeat, ended);
                using var over = CancellationTokenSource.CreateLinkedTokenSource(ended);
                var left = period.Value - time.GetElapsedTime(began);
                await Task.WhenAny(Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, over.Token), changed);
                await over.CancelAsync();
                ended.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The session is over.
        }
    }

    async Task RenewAsync(CancellationToken ended)
    {
        var backoff = new Backoff(random, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15));
        try
        {
            while (true)
            {
                var due = tokens.RenewIn;
                await Task.Delay(due > ShortestPeriod ? due : ShortestPeriod, time, ended);
                try
                {
                    var fresh = await tokens.RenewAsync(ended);
                    await line.SendAsync(FrameKind.Renew, Guid.Empty, new Renew(fresh), ProtocolJson.Default.Renew, ended);
                    backoff.Reset();
                }
                catch (Exception e) when (e is HttpRequestException or ApiRefusedException || e is OperationCanceledException && !ended.IsCancellationRequested)
                {
                    // Until the old one runs out there is time; then the API closes the session and says so.
                    await Task.Delay(backoff.Next(), time, ended);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }
}
