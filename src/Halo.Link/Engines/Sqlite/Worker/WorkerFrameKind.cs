namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>What the Link and a worker say to each other: one byte of kind, four of length (little-endian), then the payload.</summary>
enum WorkerFrameKind : byte
{
    /// <summary>Worker: started, and has run its first statement. Empty.</summary>
    Ready = 1,

    /// <summary>Link: run this command. JSON, <see cref="WorkerCommand"/>.</summary>
    Run = 2,

    /// <summary>Link: stop the command. Empty.</summary>
    Cancel = 3,

    /// <summary>Link: no more rows are wanted; the command goes on to its end. Empty.</summary>
    Enough = 4,

    /// <summary>Worker: the columns, before the first row. JSON.</summary>
    Columns = 5,

    /// <summary>Worker: rows, see <see cref="WorkerRowSink"/>.</summary>
    Rows = 6,

    /// <summary>Worker: the command is about to commit what it wrote; sent before SQLite may do it. Empty.</summary>
    Committing = 7,

    /// <summary>Worker: the command has ended. JSON, <see cref="WorkerEnd"/>.</summary>
    End = 8,

    /// <summary>Worker: a fault of the Link's own. Its kind as UTF-8; never data.</summary>
    Fault = 9,

    /// <summary>Worker: of a batch, the result of one command is whole; the next one's columns or the end follow. Empty.</summary>
    ResultEnds = 10,
}
