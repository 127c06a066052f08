using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Work.Registered;

/// <summary>The rows of one run, whole in memory: whether they changed is known when the last one is there.</summary>
/// <param name="most">Bytes of JSON that they may have.</param>
sealed class RegisteredSink(int most) : IRowSink, IBufferWriter<byte>
{
    readonly ArrayBufferWriter<byte> _rows = new();

    public IBufferWriter<byte> Buffer => this;

    /// <summary>The result is over the limit; nothing more is kept.</summary>
    public bool TooLarge { get; private set; }

    public IReadOnlyList<ResultColumn> Columns { get; private set; } = [];

    public long Size => _rows.WrittenCount;

    /// <summary>The JSON array.</summary>
    public ReadOnlyMemory<byte> Rows => _rows.WrittenMemory;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        ColumnBounds.Check(columns);
        Columns = columns;
        return ValueTask.CompletedTask;
    }

    public void BeginRow() => Write(_rows.WrittenCount > 0 ? (byte)',' : (byte)'[');

    public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(!TooLarge);

    public ValueTask EndAsync(CancellationToken stop)
    {
        if (_rows.WrittenCount == 0)
            Write((byte)'[');
        Write((byte)']');
        return ValueTask.CompletedTask;
    }

    public void Advance(int count)
    {
        _rows.Advance(count);
        // Checked while a row is written, so that one endless row cannot fill the memory either.
        if (!TooLarge && _rows.WrittenCount <= most)
            return;
        TooLarge = true;
        _rows.ResetWrittenCount();
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _rows.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => _rows.GetSpan(sizeHint);

    void Write(byte value)
    {
        GetSpan(1)[0] = value;
        Advance(1);
    }
}
