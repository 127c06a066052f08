using System.Buffers;
using Halo.Contracts.Queries;

namespace Halo.Link.Rows;

/// <summary>Where encoded rows go: frames of the line (immediate) or pages in the spool (async).</summary>
/// <remarks>For each row: <see cref="BeginRow"/>, the row's JSON object into <see cref="Buffer"/>, <see cref="EndRowAsync"/>.</remarks>
interface IRowSink
{
    /// <summary>Called once for each result, before its first row, also when there will be none.</summary>
    ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop);

    /// <summary>Where the JSON of a row is written.</summary>
    IBufferWriter<byte> Buffer { get; }

    /// <summary>Writes what stands between rows: the bracket that opens an array, or a comma.</summary>
    void BeginRow();

    /// <summary>A row is whole. Completes at once unless the sink is full.</summary>
    /// <returns>False: the sink wants no more rows (over the size limit); the reader is read to its end without encoding.</returns>
    ValueTask<bool> EndRowAsync(CancellationToken stop);

    /// <summary>
    /// Of a batch: the result of one command is whole. Its array is closed; another may begin (<see cref="BeginAsync"/>), or the end comes. Sinks that no batch writes to
    /// have no word for it.
    /// </summary>
    ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop) => throw new NotSupportedException();

    /// <summary>No more rows: closes the array, unless that was done, and hands on what is left.</summary>
    ValueTask EndAsync(CancellationToken stop);

    /// <summary>Bytes of JSON given to it so far, where it counts them; of pages those that are finished. 0 of a sink that does not count.</summary>
    long Size => 0;

    /// <summary>The reader hangs in its driver and was left behind: nothing more of it is kept or sent, and its buffers are not used for anything else.</summary>
    /// <remarks>Called from another thread than the reader's, which may be in the middle of a row.</remarks>
    void Abandon()
    {
    }
}

/// <summary>A result of a batch, in the sink.</summary>
/// <param name="Bytes">Of its JSON array.</param>
/// <param name="Pages">That are its own; 0 of rows that go over the line.</param>
readonly record struct ClosedResult(long Bytes, int Pages);
