using Halo.Line;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Immediate;

/// <summary>One immediate query from its Execute until the API has acknowledged its outcome.</summary>
sealed class ImmediateQuery(Guid id, Execute asked, LineConnection line, long arrived) : IDisposable
{
    readonly CancellationTokenSource _cancel = new();
    Outcome? _outcome;

    public Guid Id { get; } = id;

    public Execute Asked { get; } = asked;

    /// <summary>The session that it came by: its rows go there or nowhere.</summary>
    public LineConnection Line { get; } = line;

    /// <summary>By the monotonic clock.</summary>
    public long Arrived { get; } = arrived;

    public CreditWindow Credit { get; } = new(asked.Credit);

    public CancellationToken Cancelled => _cancel.Token;

    /// <summary>It was stopped because the Link stops, not because the integrator asked.</summary>
    public bool StoppedByLink { get; private set; }

    /// <summary>The database may have it.</summary>
    public bool Running { get; set; }

    /// <summary>How long it waited here before it began; zero until then.</summary>
    public TimeSpan Waited { get; set; }

    /// <summary>How it ended; null until it has.</summary>
    public Outcome? Outcome
    {
        get => Volatile.Read(ref _outcome);
        set => Volatile.Write(ref _outcome, value);
    }

    /// <summary>An outcome as it is told: once the session that brought the query is over, with what the API wanted to hear again.</summary>
    public Outcome Told(Outcome outcome) => Line.Dead.IsCancellationRequested ? outcome with { Record = Asked.Record } : outcome;

    /// <summary>Stops it, wherever it is; nothing where it has ended.</summary>
    public void Cancel()
    {
        try
        {
            // A driver works in its callback, and may throw: not here, between two frames of the line.
            _ = _cancel.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It ended at this moment.
        }
    }

    /// <summary>Stops it because the Link stops.</summary>
    public void Stop()
    {
        StoppedByLink = true;
        Cancel();
    }

    /// <summary>Where its rows went, once it ran; may hold a small result until the outcome is sent.</summary>
    public FrameRowSink? Rows { get; set; }

    public void Dispose()
    {
        _cancel.Dispose();
        Rows?.Dispose();
    }
}
