using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Rows;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Immediate;

/// <summary>Rows of an immediate query, as frames of the line while the reader is still open.</summary>
/// <remarks>
/// A result that fits into one frame is held back and leaves with its outcome (<see cref="FrameKind.Answer"/>).
/// Rows are encoded behind seventeen free bytes, where the header of their frame goes: what was encoded is what is sent.
/// Of a row longer than a frame each next header overwrites the end of the piece that has just been sent. A row longer than the buffer goes on in a
/// further one: so a row of several MiB needs its own length, and nothing of it is copied to make room.
/// Where the line broke, the rest is read and thrown away: the command goes on to its end and its outcome is told in the next session.
/// </remarks>
/// <param name="patience">How long rows may wait for the API to take more, since the statement that gives them holds locks meanwhile; null: for ever.</param>
sealed class FrameRowSink(
    Guid queryId, LineConnection line, CreditWindow credit, long maxResultBytes, TimeSpan? patience, TimeProvider time) : IRowSink, IBufferWriter<byte>, IDisposable
{
    const int Header = FrameCodec.MaxHeaderBytes;
    const int SegmentBytes = 64 * 1024;

    /// <summary>Enough for a frame to be worth its way, with room for the row after it.</summary>
    const int SendFrom = 24 * 1024;

    byte[] _buffer = ArrayPool<byte>.Shared.Rent(SegmentBytes);
    int _end = Header;

    /// <summary>What a long row has filled before <see cref="_buffer"/>, oldest first; each with room for a header at its start.</summary>
    Queue<(byte[] Buffer, int End)>? _filled;
    long _filledBytes;
    long _sent;
    IReadOnlyList<ResultColumn>? _columns;
    bool _anyRow;
    bool _closed;
    long _closedBytes;
    bool _lost;
    volatile bool _abandoned;

    public IBufferWriter<byte> Buffer => this;

    /// <summary>The result is over the limit; nothing more is sent.</summary>
    public bool TooLarge { get; private set; }

    /// <summary>The whole result is here, in one piece: <see cref="SendAnswerAsync"/> sends it.</summary>
    public bool Holds { get; private set; }

    /// <summary>Bytes of JSON sent or held.</summary>
    public long Size => Holds ? Held : _sent;

    long Held => _filledBytes + _end - Header;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        ColumnBounds.Check(columns);
        (_columns, _anyRow, _closed) = (columns, false, false);
        return ValueTask.CompletedTask;
    }

    public void BeginRow()
    {
        Write(_anyRow ? (byte)',' : (byte)'[');
        _anyRow = true;
    }

    public ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        if (TooLarge)
            return ValueTask.FromResult(false);
        return Held < SendFrom ? ValueTask.FromResult(true) : SendAndGoOnAsync(stop);
    }

    public ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop)
    {
        Close();
        var bytes = _sent + Held - _closedBytes;
        _closedBytes += bytes;
        return ValueTask.FromResult(new ClosedResult(bytes, 0));
    }

    public ValueTask EndAsync(CancellationToken stop)
    {
        if (!_closed)
            Close();
        Holds = !TooLarge && _sent == 0 && Held <= ProtocolLimits.MaxChunkBytes;
        return TooLarge || Holds ? ValueTask.CompletedTask : SendAsync(stop);
    }

    /// <summary>Sends what is held together with the outcome.</summary>
    /// <returns>False when the line is gone.</returns>
    /// <exception cref="FrameTooLargeException">No message can hold it.</exception>
    public ValueTask<bool> SendAnswerAsync(Outcome outcome)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(outcome with { Columns = outcome.Results is null ? _columns : null }, ProtocolJson.Default.Outcome);
        if (AnswerPayload.LengthBytes + json.Length + _end - Header > FrameBounds.FromLink(FrameKind.Answer))
            throw new FrameTooLargeException(FrameKind.Answer, json.Length);
        var payload = ArrayPool<byte>.Shared.Rent(AnswerPayload.LengthBytes + json.Length + _end - Header);
        var rows = AnswerPayload.WriteHead(payload, json);
        _buffer.AsSpan(Header, _end - Header).CopyTo(payload.AsSpan(rows));
        var sent = line.SendAsync(FrameKind.Answer, queryId, payload.AsSpan(0, rows + _end - Header));
        // Copied once more into its frame by now.
        ArrayPool<byte>.Shared.Return(payload);
        return sent;
    }

    public void Abandon() => _abandoned = true;

    public void Advance(int count)
    {
        _end += count;
        // Checked while the row is written, so that one endless row cannot fill the memory either.
        if (TooLarge || _sent + Held > maxResultBytes)
        {
            TooLarge = true;
            DropFilled();
            _end = Header;
        }
    }

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

    public void Dispose()
    {
        // A driver that comes back may still write into what it was given.
        if (_abandoned)
            return;
        DropFilled();
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    void Close()
    {
        if (!_anyRow)
            Write((byte)'[');
        Write((byte)']');
        _closed = true;
    }

    async ValueTask<bool> SendAndGoOnAsync(CancellationToken stop)
    {
        await SendAsync(stop);
        return true;
    }

    async ValueTask SendAsync(CancellationToken stop)
    {
        if (_sent == 0 && !await line.SendAsync(FrameKind.Columns, queryId, new ResultHead(_columns!), ProtocolJson.Default.ResultHead, stop))
            _lost = true;
        while (_filled is { Count: > 0 })
        {
            var (buffer, end) = _filled.Peek();
            await SendAsync(buffer, end, stop);
            _filled.Dequeue();
            _filledBytes -= end - Header;
            ArrayPool<byte>.Shared.Return(buffer);
        }
        await SendAsync(_buffer, _end, stop);
        _end = Header;
    }

    async ValueTask SendAsync(byte[] buffer, int end, CancellationToken stop)
    {
        for (var start = Header; start < end;)
        {
            var length = Math.Min(ProtocolLimits.MaxChunkBytes, end - start);
            if (!_lost && !_abandoned)
                _lost = !await SendChunkAsync(buffer, start, length, stop);
            start += length;
            _sent += length;
        }
    }

    async ValueTask<bool> SendChunkAsync(byte[] buffer, int start, int length, CancellationToken stop)
    {
        if (!await HasCreditAsync(length, stop))
            return false;
        FrameCodec.WriteHeader(buffer.AsSpan(start - Header), FrameKind.Rows, queryId);
        return await line.SendFrameAsync(buffer.AsMemory(start - Header, Header + length), stop);
    }

    async ValueTask<bool> HasCreditAsync(int length, CancellationToken stop)
    {
        var granted = credit.TakeAsync(length, line.Dead);
        if (granted.IsCompletedSuccessfully)
            return true;
        try
        {
            // Either the line dies, and the rows are lost, or the query is stopped, and its runner has to hear of it.
            await granted.AsTask().WaitAsync(patience ?? Timeout.InfiniteTimeSpan, time, stop);
            return true;
        }
        catch (TimeoutException)
        {
            _lost = true;
            throw new RowSinkException(SlowReader());
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The rest is read elsewhere than on the thread that ends the line.
            await Task.Yield();
            return false;
        }
    }

    ErrorDetails SlowReader() => Failure.SlowReader(patience!.Value);

    void Write(byte value)
    {
        MakeRoom(1);
        _buffer[_end] = value;
        Advance(1);
    }

    void MakeRoom(int sizeHint)
    {
        var wanted = Math.Max(sizeHint, 256);
        if (_buffer.Length - _end >= wanted)
            return;
        if (_end - Header > ProtocolLimits.MaxChunkBytes)
        {
            // More than a frame: no part of it will be held for the outcome, and it can leave as it stands.
            (_filled ??= new()).Enqueue((_buffer, _end));
            _filledBytes += _end - Header;
            _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(Header + wanted, SegmentBytes));
            _end = Header;
            return;
        }
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_end + wanted, SegmentBytes));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    void DropFilled()
    {
        while (_filled is { Count: > 0 })
            ArrayPool<byte>.Shared.Return(_filled.Dequeue().Buffer);
        _filledBytes = 0;
    }
}
