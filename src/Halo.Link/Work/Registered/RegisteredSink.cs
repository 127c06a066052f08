using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Work.Registered;

/// <summary>The rows of one run, whole in memory: whether they changed is known when the last one is there.</summary>
/// <param name="most">Bytes of JSON that they may have.</param>
sealed class RegisteredSink(int most) : IRowSink, IBufferWriter<byte>, IDisposable
{
    const int FirstBytes = 16 * 1024;

    byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    int _end;
    volatile bool _abandoned;

    public IBufferWriter<byte> Buffer => this;

    /// <summary>The result is over the limit; nothing more is kept.</summary>
    public bool TooLarge { get; private set; }

    public IReadOnlyList<ResultColumn> Columns { get; private set; } = [];

    public long Size => _end;

    /// <summary>The JSON array; valid until this is disposed of.</summary>
    public ReadOnlyMemory<byte> Rows => _buffer.AsMemory(0, _end);

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        ColumnBounds.Check(columns);
        Columns = columns;
        return ValueTask.CompletedTask;
    }

    public void BeginRow() => Write(_end > 0 ? (byte)',' : (byte)'[');

    public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(!TooLarge);

    public ValueTask EndAsync(CancellationToken stop)
    {
        if (_end == 0)
            Write((byte)'[');
        Write((byte)']');
        return ValueTask.CompletedTask;
    }

    public void Abandon() => _abandoned = true;

    public void Advance(int count)
    {
        _end += count;
        if (!TooLarge && _end <= most)
            return;
        TooLarge = true;
        _end = 0;
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
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

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
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_end + wanted, 2 * _buffer.Length));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
