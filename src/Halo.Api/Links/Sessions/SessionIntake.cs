using Halo.LinkProtocol.Frames;

namespace Halo.Api.Links.Sessions;

/// <summary>
/// What one session may have under way at the service. A Link that sends faster than its messages are dealt with is read no
/// further until they are: its own practice waits, and nobody else.
/// </summary>
sealed class SessionIntake(TimeProvider time)
{
    /// <summary>Messages and bytes of them that are held at once.</summary>
    public const int MostMessages = 256, MostBytes = 32 * 1024 * 1024;

    /// <summary>Messages of one session that change the store whatever they say (heartbeats and the like): so many at once, and one more each half second.</summary>
    public const int Burst = 20;
    static readonly TimeSpan Each = TimeSpan.FromSeconds(0.5);

    readonly Lock _lock = new();
    TaskCompletionSource? _room;
    long _bytes;
    int _messages;
    long _paced = time.GetTimestamp();
    double _tokens = Burst;

    /// <summary>A message is being dealt with until <paramref name="work"/> ends.</summary>
    /// <returns>Completes when the session may be read on.</returns>
    public ValueTask HoldAsync(int bytes, Task work, CancellationToken gone)
    {
        if (work.IsCompleted)
            return ValueTask.CompletedTask;
        TaskCompletionSource? room = null;
        lock (_lock)
        {
            _messages++;
            _bytes += bytes;
            if (_messages >= MostMessages || _bytes >= MostBytes)
                room = _room ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        _ = ReleaseAsync(bytes, work);
        return room is null ? ValueTask.CompletedTask : new(room.Task.WaitAsync(gone));
    }

    /// <summary>Waits before a message of these kinds where too many came.</summary>
    public ValueTask PaceAsync(FrameKind kind, CancellationToken gone)
    {
        if (kind is not (FrameKind.Heartbeat or FrameKind.ConfigurationAck or FrameKind.SiteChanges or FrameKind.PairingCode or FrameKind.Renew))
            return ValueTask.CompletedTask;
        _tokens = Math.Min(Burst, _tokens + time.GetElapsedTime(_paced) / Each) - 1;
        _paced = time.GetTimestamp();
        return _tokens >= 0 ? ValueTask.CompletedTask : new(Task.Delay(Each, time, gone));
    }

    async Task ReleaseAsync(int bytes, Task work)
    {
        await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            _messages--;
            _bytes -= bytes;
            if (_messages < MostMessages && _bytes < MostBytes)
            {
                _room?.TrySetResult();
                _room = null;
            }
        }
    }
}
