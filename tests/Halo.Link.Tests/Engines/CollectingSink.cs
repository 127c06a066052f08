using System.Buffers;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Tests.Engines;

/// <summary>Keeps the JSON array, as an immediate query's frames together would be.</summary>
sealed class CollectingSink(long maxRows = long.MaxValue) : IRowSink
{
    readonly ArrayBufferWriter<byte> _bytes = new();
    long _rows;
    long _rowsBefore;
    long _closed;
    bool _isClosed;

    public IReadOnlyList<ResultColumn>? Columns { get; private set; }

    public bool Ended { get; private set; }

    public bool Abandoned { get; private set; }

    /// <summary>Rows that were ended.</summary>
    public long Rows => _rows;

    /// <summary>Called after each row; its task is what the encoder waits for.</summary>
    public Func<long, CancellationToken, ValueTask>? OnRow { get; init; }

    /// <summary>Called with the columns; its task is what the encoder waits for.</summary>
    public Func<CancellationToken, Task>? OnBegin { get; init; }

    public string Json => Encoding.UTF8.GetString(_bytes.WrittenSpan);

    public IBufferWriter<byte> Buffer => _bytes;

    public async ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        Columns = columns;
        (_rowsBefore, _isClosed) = (_rows, false);
        if (OnBegin is not null)
            await OnBegin(stop);
    }

    public void Abandon() => Abandoned = true;

    public void BeginRow() => _bytes.Write(_rows == _rowsBefore ? "["u8 : ","u8);

    public async ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        _rows++;
        if (OnRow is not null)
            await OnRow(_rows, stop);
        return _rows < maxRows;
    }

    public ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop)
    {
        Close();
        var bytes = _bytes.WrittenCount - _closed;
        _closed += bytes;
        return ValueTask.FromResult(new ClosedResult(bytes, 0));
    }

    void Close()
    {
        _bytes.Write(_rows == _rowsBefore ? "[]"u8 : "]"u8);
        _isClosed = true;
    }

    public ValueTask EndAsync(CancellationToken stop)
    {
        if (!_isClosed)
            Close();
        Ended = true;
        return ValueTask.CompletedTask;
    }
}
