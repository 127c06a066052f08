using Halo.Link.Results;

namespace Halo.Link.Engines;

/// <summary>Runs one command on a database and tells what is known of it, however it ended: in this process, or in one that can be killed.</summary>
interface ICommandRunner
{
    /// <summary>Never throws for what a database, a limit or a caller does; what a sink throws comes out, except <see cref="RowSinkException"/>.</summary>
    /// <remarks>A nonQuery never touches the sink.</remarks>
    Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel);
}
