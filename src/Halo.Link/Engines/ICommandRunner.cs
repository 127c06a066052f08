using System.Data.Common;
using Halo.Link.Rows;

namespace Halo.Link.Engines;

/// <summary>Runs one command on a database and tells what is known of it, however it ended: in this process, or in one that can be killed.</summary>
interface ICommandRunner
{
    /// <summary>Never throws for what a database, a limit or a caller does; what a sink throws comes out, except <see cref="RowSinkException"/>.</summary>
    /// <remarks>A nonQuery never touches the sink.</remarks>
    Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel);
}

/// <summary>Makes the connections that commands run on, and knows whether that works now.</summary>
interface IDatabaseConnector
{
    /// <summary>A connection of the engine, as <see cref="IDatabaseEngine.OpenAsync(string?, SessionName?, CommandAccess, CancellationToken)"/> gives it.</summary>
    /// <exception cref="DatabaseUnavailableException">None can be had; nothing was sent.</exception>
    /// <exception cref="ReadOnlyImpossibleException">It cannot be held to reading.</exception>
    Task<DbConnection> OpenAsync(SessionName? name, CommandAccess access, CancellationToken stop);

    /// <summary>Something went wrong that may be the database's own: looks at it now. Returns at once.</summary>
    void Suspect();
}
