using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Running;

/// <summary>Counts what goes to a sink, of a batch all its results together, and ends it where the practice's policy does: the statement is then cancelled and the query refused.</summary>
sealed class PolicySink : IRowSink, IBufferWriter<byte>
{
    readonly IRowSink _sink;
    readonly CommandRequest _request;
    IBufferWriter<byte> _buffer;
    long _rows;
    long _bytes;
    long _rowsBefore;
    bool _closed;
    bool _over;

    PolicySink(IRowSink sink, CommandRequest request) => (_sink, _request, _buffer) = (sink, request, sink.Buffer);

    /// <summary>The sink itself where the request has no limit: what nobody counts costs nothing.</summary>
    public static IRowSink Around(IRowSink sink, CommandRequest request) =>
        request.MaxRows is null && request.MaxBytes is null ? sink : new PolicySink(sink, request);

    public IBufferWriter<byte> Buffer => this;

    /// <summary>Bytes of JSON that went to a sink that counts; 0 of another: nothing limits them.</summary>
    public static long BytesOf(IRowSink sink) => sink is PolicySink counting ? counting._bytes : 0;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        (_rowsBefore, _closed) = (_rows, false);
        return _sink.BeginAsync(columns, stop);
    }

    public void BeginRow()
    {
        if (++_rows > _request.MaxRows)
            throw new RowSinkException(PracticeRefusal.Of("maxRows", $"allows this integrator {_request.MaxRows} rows of a result; the statement was stopped."));
        _sink.BeginRow();
        _buffer = _sink.Buffer;
        // What stands between rows.
        Count(1);
    }

    public ValueTask<bool> EndRowAsync(CancellationToken stop) => _sink.EndRowAsync(stop);

    public ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop)
    {
        CountBrackets();
        return _sink.CloseResultAsync(stop);
    }

    public ValueTask EndAsync(CancellationToken stop)
    {
        if (!_closed)
            CountBrackets();
        return _sink.EndAsync(stop);
    }

    public void Abandon() => _sink.Abandon();

    public void Advance(int count)
    {
        // The JSON writer that is closed after a fault flushes once more.
        if (_over)
            return;
        Count(count);
        _buffer.Advance(count);
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => _buffer.GetSpan(sizeHint);

    /// <summary>The bracket that closes the array, and of one without rows that which opens it.</summary>
    void CountBrackets()
    {
        _closed = true;
        Count(_rows == _rowsBefore ? 2 : 1);
    }

    void Count(int bytes)
    {
        _bytes += bytes;
        if (_bytes <= _request.MaxBytes || _request.MaxBytes is null)
            return;
        _over = true;
        throw new RowSinkException(PracticeRefusal.Of("maxBytes", $"allows this integrator {_request.MaxBytes} bytes of a result; the statement was stopped."));
    }
}
