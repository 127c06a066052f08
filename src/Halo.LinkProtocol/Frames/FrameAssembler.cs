namespace Halo.LinkProtocol.Frames;

/// <summary>Puts the pieces in which a message arrives together again, in one pooled buffer that grows. Between messages it holds none.</summary>
/// <remarks>Receive into <see cref="GetMemory"/>, then <see cref="Advance"/>; a finished message lies in <see cref="Message"/> until <see cref="Reset"/>.</remarks>
public sealed class FrameAssembler : IDisposable
{
    const int LeastBytes = 4 * 1024;
    const int UsualBytes = 64 * 1024;
    byte[] _buffer = [];
    int _length;

    // What the last message needed: rows come in frames of one size, and are not copied from buffer to larger buffer each time.
    int _first = LeastBytes;

    /// <summary>The bytes received so far.</summary>
    public ReadOnlyMemory<byte> Message => _buffer.AsMemory(0, _length);

    /// <summary>Free room to receive into, at least one byte.</summary>
    public Memory<byte> GetMemory()
    {
        if (_length == _buffer.Length)
            Grow();
        return _buffer.AsMemory(_length);
    }

    /// <summary>So many bytes were received into <see cref="GetMemory"/>.</summary>
    public void Advance(int bytes) => _length += bytes;

    /// <summary>Keeps the start of the message and forgets the rest.</summary>
    public void KeepFirst(int bytes) => _length = Math.Min(_length, bytes);

    /// <summary>The message is done with: its buffer goes back to the pool.</summary>
    public void Reset()
    {
        _first = Math.Clamp(_length, LeastBytes, UsualBytes);
        _length = 0;
        Replace([]);
    }

    /// <inheritdoc/>
    public void Dispose() => Replace([]);

    void Grow()
    {
        var length = Math.Max(_first, checked(_buffer.Length * 2));
        var larger = FrameBuffers.Rent(length);
        Message.CopyTo(larger);
        Replace(larger);
    }

    void Replace(byte[] buffer)
    {
        FrameBuffers.Return(_buffer);
        _buffer = buffer;
    }
}
