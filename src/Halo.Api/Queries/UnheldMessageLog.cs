using Halo.Line;
using Halo.LinkProtocol.Frames;

namespace Halo.Api.Queries;

/// <summary>Messages of Links about queries that they do not hold: they change nothing, and the log says so from time to time.</summary>
sealed partial class UnheldMessageLog(TimeProvider time, ILogger<UnheldMessageLog> log)
{
    readonly LogThrottle _met = new(time, perMinute: 2);

    /// <summary>A Link spoke of a query that its run does not hold.</summary>
    public void Met(Guid linkId, FrameKind kind)
    {
        if (_met.Lets(out var suppressed))
            LogIgnored(linkId, kind, suppressed);
    }

    [LoggerMessage(1213, LogLevel.Warning,
        "Link {LinkId} sent a {Kind} about a query that it does not hold; ignored. {Suppressed} similar messages were suppressed. If it recurs, revoke the Link and look at its server.")]
    partial void LogIgnored(Guid linkId, FrameKind kind, int suppressed);
}
