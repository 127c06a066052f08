using Halo.Api.Links.Sessions;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.LinkSocket;

/// <summary>One connection of a Link, before and after it became a session, and how long it may last.</summary>
/// <remarks>Thousands stand idle: it keeps what is needed later, and has one timer.</remarks>
sealed class LinkConnection : IAsyncDisposable
{
    static readonly TimeSpan HelloWithin = TimeSpan.FromSeconds(10);

    readonly TimeProvider _time;
    readonly ITimer _limit;
    readonly CancellationTokenRegistration _stopping;
    long _untilTicks;
    volatile bool _greeted;

    /// <summary>Begins with the opening of the socket.</summary>
    /// <param name="until">When the token runs out with which it came.</param>
    /// <param name="stopping">The service stops.</param>
    public LinkConnection(Guid linkId, DateTimeOffset until, LineConnection line, TimeProvider time, CancellationToken stopping)
    {
        (LinkId, Line, _time, _untilTicks) = (linkId, line, time, until.UtcTicks);
        // An idle stranger is not kept. Handling a Hello may take longer: an older run is asked for a sign of life.
        _limit = time.CreateTimer(static connection => ((LinkConnection)connection!).OnLimit(), this, HelloWithin, Timeout.InfiniteTimeSpan);
        // A connection without a session has nothing to wait for; sessions are closed by ApiLifecycle.
        _stopping = stopping.Register(static connection => ((LinkConnection)connection!).DropWithoutSession(), this);
    }

    public Guid LinkId { get; }

    public LineConnection Line { get; }

    /// <summary>From where it came.</summary>
    public string? Address { get; init; }

    /// <summary>The machine that its Hello named.</summary>
    public string? MachineId { get; private set; }

    /// <summary>Null until its Hello was answered.</summary>
    public LinkSession? Session { get; private set; }

    /// <summary>Takes the Hello: from now on the line lasts as long as its token.</summary>
    /// <returns>False: it has said one before.</returns>
    public bool Greet(Hello hello)
    {
        if (_greeted)
            return false;
        MachineId = hello.MachineId;
        _greeted = true;
        OnLimit();
        return true;
    }

    /// <summary>Its session is open.</summary>
    public void Open(LinkSession session)
    {
        Session = session;
        _stopping.Unregister();
    }

    /// <summary>Has brought a token that is good for longer.</summary>
    public void Renew(DateTimeOffset until)
    {
        Volatile.Write(ref _untilTicks, until.UtcTicks);
        OnLimit();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _limit.DisposeAsync();
        await _stopping.DisposeAsync();
    }

    void OnLimit()
    {
        var left = TimeSpan.FromTicks(Volatile.Read(ref _untilTicks) - _time.GetUtcNow().UtcTicks);
        if (!_greeted)
            Line.Abort(LineCloseReason.ProtocolError);
        else if (left > TimeSpan.Zero)
            _limit.Change(left, Timeout.InfiniteTimeSpan);
        else
            _ = Line.CloseAsync(LineCloseReason.TokenExpired);
    }

    void DropWithoutSession()
    {
        if (Session is null)
            Line.Abort(LineCloseReason.ProtocolError);
    }
}
