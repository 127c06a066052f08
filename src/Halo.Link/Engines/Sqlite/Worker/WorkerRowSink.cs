using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>In the worker: rows on their way to the Link. Where the Link takes none, the write blocks, and with it the reader.</summary>
/// <remarks>
/// A <see cref="WorkerFrameKind.Rows"/> frame is a sequence of pieces, each with four bytes before it: its length, and in the highest bit whether the
/// row ends with it. So a row may be of any length, and the Link's own sink sees rows as if it stood here.
/// </remarks>
sealed class WorkerRowSink(WorkerChannel channel) : IRowSink, IBufferWriter<byte>
{
    public const uint RowEnds = 0x8000_0000;
    public const int PieceHeader = 4;

    const int BufferBytes = 64 * 1024;
    const int SendFrom = 32 * 1024;

    byte[] _buffer = new byte[BufferBytes];
    int _end;
    int _piece;
    bool _open;
    volatile bool _enough;

    public IBufferWriter<byte> Buffer => this;

    /// <summary>The next command's rows are wanted, whatever was said of the one before: the Link's word on that may come after its end.</summary>
    public void Begin() => _enough = false;

    /// <summary>The Link wants no more rows.</summary>
    public void TakeNoMore() => _enough = true;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        channel.Queue(WorkerFrameKind.Columns, JsonSerializer.SerializeToUtf8Bytes(columns, WorkerJson.Default.IReadOnlyListResultColumn));
        return ValueTask.CompletedTask;
    }

    public void BeginRow() => BeginPiece();

    public ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        EndPiece(RowEnds);
        if (_end >= SendFrom)
            SendRows();
        return ValueTask.FromResult(!_enough);
    }

    public ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop)
    {
        Finish();
        channel.Queue(WorkerFrameKind.ResultEnds, []);
        // The Link's own sink counts.
        return ValueTask.FromResult(default(ClosedResult));
    }

    public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

    /// <summary>What is left leaves with the frame that follows. To be called when the command has ended, however that was.</summary>
    public void Finish()
    {
        // A row that failed in its middle.
        if (_open)
            _end = _piece;
        if (_end > 0)
            channel.Queue(WorkerFrameKind.Rows, _buffer.AsSpan(0, _end));
        (_end, _open) = (0, false);
    }

    public void Advance(int count) => _end += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _buffer.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _buffer.AsSpan(_end);
    }

    void BeginPiece()
    {
        if (_buffer.Length - _end < PieceHeader)
            SendRows();
        (_piece, _open) = (_end, true);
        _end += PieceHeader;
    }

    void EndPiece(uint flag)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_piece), (uint)(_end - _piece - PieceHeader) | flag);
        _open = false;
    }

    void SendRows()
    {
        channel.Send(WorkerFrameKind.Rows, _buffer.AsSpan(0, _end));
        _end = 0;
        if (_buffer.Length > BufferBytes)
            _buffer = new byte[BufferBytes];
    }

    void MakeRoom(int sizeHint)
    {
        var wanted = Math.Max(sizeHint, 256);
        if (_buffer.Length - _end >= wanted)
            return;
        EndPiece(0);
        SendRows();
        if (_buffer.Length - PieceHeader < wanted)
            _buffer = new byte[PieceHeader + wanted];
        BeginPiece();
    }
}
