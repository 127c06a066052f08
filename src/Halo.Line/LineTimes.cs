using Halo.LinkProtocol;

namespace Halo.Line;

/// <summary>How soon an end finds out that the other is gone.</summary>
public sealed record LineTimes
{
    /// <summary>Silence after which an end asks whether the other is there. Default 20 s.</summary>
    public TimeSpan PingAfter { get; init; } = ProtocolLimits.PingAfter;

    /// <summary>Further silence after which it takes the line for dead. Default 10 s.</summary>
    public TimeSpan DeadAfterPing { get; init; } = ProtocolLimits.DeadAfterPing;
}
