namespace Halo.Bench.IdleLinks;

/// <summary>One line of JSON on standard input, answered by one <see cref="FleetState"/>.</summary>
/// <param name="Do"><c>enrol</c>: brings the fleet to <paramref name="Count"/> Links that the API knows. <c>connect</c>: opens the
/// sessions of all, and keeps them open from then on as a Link does. <c>hold</c>: opens plain WebSockets up to <paramref name="Count"/>, and leaves them alone. <c>mark</c>: forgets returns and losses, the clock for them
/// starts now. <c>wait</c>: until all are connected, or <paramref name="Seconds"/> are over. <c>state</c>: just tells.</param>
public sealed record FleetOrder(string Do)
{
    public int Count { get; init; }

    public double Seconds { get; init; }
}

/// <summary>How the fleet stands.</summary>
/// <param name="Known">Links that the API knows.</param>
/// <param name="Connected">Links with a session that was welcomed.</param>
public sealed record FleetState(int Known, int Connected)
{
    /// <summary>Heartbeats sent since the start.</summary>
    public long Heartbeats { get; init; }

    /// <summary>Access tokens asked for since the mark.</summary>
    public long TokensAsked { get; init; }

    /// <summary>Links that came back since the mark.</summary>
    public int Returned { get; init; }

    /// <summary>Sessions of returned Links that ended again since the mark.</summary>
    public int LostAgain { get; init; }

    /// <summary>Attempts that failed since the mark.</summary>
    public long FailedAttempts { get; init; }

    /// <summary>Seconds from the mark until half, 99 % and all of those that returned were back.</summary>
    public double Back50 { get; init; }

    public double Back99 { get; init; }

    public double BackAll { get; init; }

    public string? LastError { get; init; }
}
