using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.Link.Sites;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work;

/// <summary>Runs a command on its site's database, as far as the practice allows: the one way to it, of immediate queries and of claimed ones.</summary>
sealed partial class CommandExecutor(SiteLimits limits, ILogger<CommandExecutor> log)
{
    /// <summary>What the database is to be asked: the command within the least of what is asked and what practice and operator allow.</summary>
    /// <param name="target">Where it goes (<see cref="LocalSites.Resolve"/>).</param>
    public CommandRequest RequestOf(Guid queryId, ISiteCommand asked, ExecutionTarget target)
    {
        var batch = asked.Schema ? new CommandBatch([.. target.Connector.Engine.SchemaTexts.Select(t => new QueryCommand(t))]) : asked.Batch;
        return new(asked.Command ?? asked.Describe ?? batch![0], target.Database, asked.Tag, asked.ResultSet, limits.Of(asked, target.Rules), AccessOf(asked, target))
        {
            Batch = batch,
            IsDescription = asked.Describe is not null,
            QueryId = queryId,
            IntegratorId = asked.IntegratorId,
            MaxRows = target.Rules.MaxRows,
            MaxBytes = target.Rules.MaxBytes,
            Protection = limits.Tighten(asked.SiteId, target.Protection),
        };
    }

    /// <summary>A command that is only described, and the catalogue, need no session that could write.</summary>
    static CommandAccess AccessOf(ISiteCommand asked, ExecutionTarget target) =>
        (asked.Schema || asked.Describe is not null) && target.Access == CommandAccess.Write ? CommandAccess.Read : target.Access;

    /// <summary>Runs it, and bounds what it brought beside its rows.</summary>
    /// <param name="maxResultBytes">What rows and output parameters may have together.</param>
    public async Task<ExecutionResult> RunAsync(CommandRequest request, ISiteCommand asked, ExecutionTarget target, IRowSink sink, long maxResultBytes, CancellationToken cancel)
    {
        var result = await target.Connector.Runner.RunAsync(request, sink, cancel);
        if (result.Forced != ForcedEnd.None)
            Log(log, request.QueryId!.Value, asked.SiteId, result.Forced);
        return ResultBounds.Apply(result, target.Rules, result.CountedBytes > 0 ? result.CountedBytes : sink.Size, maxResultBytes, asked.ResultSet);
    }

    /// <summary>Says that the database had to be made to let go of a command.</summary>
    internal static void Log(ILogger log, Guid queryId, Guid siteId, ForcedEnd forced)
    {
        switch (forced)
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
