using System.Buffers;

namespace Halo.Api.Results.Formats;

/// <summary>Bytes that wait to be written on, in one pooled array that grows with the largest need and is given back when it has passed.</summary>
sealed class PooledBuffer : IDisposable
{
    const int UsualBytes = 64 * 1024;
    byte[] _bytes = ArrayPool<byte>.Shared.Rent(UsualBytes);

    /// <summary>Bytes that wait.</summary>
    public int Length { get; private set; }

    /// <summary>What waits; valid until the next change.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>The same, as a part of its array.</summary>
    public ArraySegment<byte> Segment => new(_bytes, 0, Length);

    /// <summary>The same, to be read as a stream.</summary>
    public Stream OpenRead() => new MemoryStream(_bytes, 0, Length, writable: false);

    /// <summary>Adds a byte.</summary>
    public void Append(byte value)
    {
        if (Length == _bytes.Length)
            Grow(1);
        _bytes[Length++] = value;
    }

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Room for at least so many bytes; <see cref="Advance"/> tells how many were used.</summary>
    public Span<byte> GetSpan(int least)
    {
        if (_bytes.Length - Length < least)
            Grow(least);
        return _bytes.AsSpan(Length);
    }

    /// <summary>So many bytes of the room were used.</summary>
    public void Advance(int count) => Length += count;

    /// <summary>Takes the first bytes away.</summary>
    public void RemoveFirst(int count)
    {
        if (count == Length)
        {
            Clear();
            return;
        }
        _bytes.AsSpan(count, Length - count).CopyTo(_bytes);
        Length -= count;
    }

    /// <summary>Empties it; an array that one large value had needed goes back to the pool.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length <= 16 * UsualBytes)
            return;
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = ArrayPool<byte>.Shared.Rent(UsualBytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    void Grow(int least)
    {
        // Twice as much, as long as an array can be so long: one value may have more than half of the longest.
        var wanted = (int)Math.Min(Math.Max((long)Length + least, _bytes.Length * 2L), Array.MaxLength);
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, checked(Length + least)));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
