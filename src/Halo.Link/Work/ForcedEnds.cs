using Halo.Link.Engines;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work;

/// <summary>Says of which commands the database had to be made to let go.</summary>
static partial class ForcedEnds
{
    public static void Log(ILogger log, Guid queryId, Guid siteId, ExecutionResult result)
    {
        switch (result.Forced)
        {
            case ForcedEnd.SessionEnded:
                LogSessionEnded(log, queryId, siteId);
                break;
            case ForcedEnd.ConnectionClosed:
                LogConnectionClosed(log, siteId, queryId);
                break;
            case ForcedEnd.LeftBehind:
                LogLeftBehind(log, queryId, siteId);
                break;
        }
    }

    [LoggerMessage(2105, LogLevel.Warning, "Query {QueryId} did not obey a cancel: its session in the database of site {SiteId} was ended.")]
    static partial void LogSessionEnded(ILogger log, Guid queryId, Guid siteId);

    [LoggerMessage(2107, LogLevel.Warning,
        "The database of site {SiteId} did not confirm that query {QueryId} was cancelled: its connection was closed. The statement may go on there until the database notices.")]
    static partial void LogConnectionClosed(ILogger log, Guid siteId, Guid queryId);

    [LoggerMessage(2106, LogLevel.Error, "Query {QueryId} was left behind: the database of site {SiteId}, or its driver, does not answer. The caller was told so; the connection is closed when the driver gives it back.")]
    static partial void LogLeftBehind(ILogger log, Guid queryId, Guid siteId);
}
