using System.Buffers;

namespace Halo.Link.Pages;

/// <summary>The next piece of a page, while its JSON is written. There are two buffers: one is filled while the other is compressed.</summary>
/// <param name="overflow">Called in the middle of a row that the buffer cannot hold: it must take the piece, by <see cref="Take"/>, and be done with it.</param>
sealed class PieceBuffer(Action overflow) : IBufferWriter<byte>, IDisposable
{
    // Brotli's fast mode sees repetitions only within what it is given at once; more than this brings no more (docs/performance.md).
    const int Bytes = 256 * 1024;

    /// <summary>Left free for the row that follows: one that is no longer never overflows.</summary>
    const int LeftForARow = 32 * 1024;

    byte[] _bytes = ArrayPool<byte>.Shared.Rent(Bytes);
    byte[] _other = ArrayPool<byte>.Shared.Rent(Bytes);
    int _length;

    /// <summary>Bytes written, of this piece and all before it.</summary>
    public long Written { get; private set; }

    /// <summary>Whether the piece should be taken before the next row.</summary>
    public bool IsFull => _length > Bytes - LeftForARow;

    /// <summary>Takes the piece; the next one begins in the other buffer.</summary>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlyMemory<byte> Take()
    {
        (_bytes, _other) = (_other, _bytes);
        var piece = _other.AsMemory(0, _length);
        _length = 0;
        // One large value needed a large buffer, for as long as it took.
        if (_bytes.Length > 2 * Bytes)
            Rent(Bytes);
        return piece;
    }

    public void Write(byte value)
    {
        GetSpan(1)[0] = value;
        Advance(1);
    }

    public void Advance(int count)
    {
        _length += count;
        Written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(_length);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        ArrayPool<byte>.Shared.Return(_other);
        (_bytes, _other, _length) = ([], [], 0);
    }

    void MakeRoom(int wanted)
    {
        if (_bytes.Length - _length >= wanted)
            return;
        if (_length > 0)
            overflow();
        if (_bytes.Length < wanted)
            Rent(wanted);
    }

    void Rent(int bytes)
    {
        // First: where there is not so much, this one is still ours.
        var rented = ArrayPool<byte>.Shared.Rent(bytes);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = rented;
    }
}
