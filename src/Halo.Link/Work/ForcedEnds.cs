using Halo.Link.Engines;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work;

/// <summary>Says of which commands the database had to be made to let go.</summary>
static partial class ForcedEnds
{
    public static void Log(ILogger log, Guid queryId, Guid siteId, ExecutionResult result)
    {
        if (result.Forced == ForcedEnd.SessionEnded)
            LogSessionEnded(log, queryId, siteId);
        else if (result.Forced == ForcedEnd.LeftBehind)
            LogLeftBehind(log, queryId, siteId);
    }

    [LoggerMessage(2105, LogLevel.Warning, "Query {QueryId} did not obey a cancel: its session in the database of site {SiteId} was ended, or its connection given up.")]
    static partial void LogSessionEnded(ILogger log, Guid queryId, Guid siteId);

    [LoggerMessage(2106, LogLevel.Error, "Query {QueryId} was left behind: the database of site {SiteId}, or its driver, does not answer. The caller was told so; the connection is closed when the driver gives it back.")]
    static partial void LogLeftBehind(ILogger log, Guid queryId, Guid siteId);
}
