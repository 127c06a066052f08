using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>One end of the two pipes between the Link and a worker. Reads and writes block; buffers are used again and again.</summary>
/// <remarks>One thread reads. Several may send.</remarks>
sealed class WorkerChannel(Stream input, Stream output) : IDisposable
{
    const int Header = 5;
    const int BufferBytes = 64 * 1024;

    readonly Lock _sending = new();
    byte[] _out = new byte[BufferBytes];
    int _outEnd;
    byte[] _in = new byte[BufferBytes];
    int _inStart;
    int _inEnd;

    /// <summary>Sends a frame, and what was queued before it, in one write.</summary>
    /// <exception cref="IOException">The other end is gone.</exception>
    public void Send(WorkerFrameKind kind, ReadOnlySpan<byte> payload = default)
    {
        lock (_sending)
        {
            Append(kind, payload);
            var end = _outEnd;
            _outEnd = 0;
            output.Write(_out, 0, end);
            output.Flush();
            if (_out.Length > 4 * BufferBytes)
                _out = new byte[BufferBytes];
        }
    }

    /// <inheritdoc cref="Send(WorkerFrameKind, ReadOnlySpan{byte})"/>
    public void Send<T>(WorkerFrameKind kind, T message, JsonTypeInfo<T> type) => Send(kind, JsonSerializer.SerializeToUtf8Bytes(message, type));

    /// <summary>A frame that leaves with the next one.</summary>
    public void Queue(WorkerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        lock (_sending)
            Append(kind, payload);
    }

    /// <summary>Waits for the next frame.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="payload">Valid until the next call.</param>
    /// <returns>False: the other end is gone, and whatever it sent before was received.</returns>
    public bool TryReceive(out WorkerFrameKind kind, out ReadOnlyMemory<byte> payload)
    {
        (kind, payload) = (default, default);
        if (!Fill(Header))
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(_in.AsSpan(_inStart + 1));
        if (!Fill(Header + length))
            return false;
        kind = (WorkerFrameKind)_in[_inStart];
        payload = _in.AsMemory(_inStart + Header, length);
        _inStart += Header + length;
        return true;
    }

    public void Dispose()
    {
        input.Dispose();
        try
        {
            output.Dispose();
        }
        catch (IOException)
        {
            // What was not sent is for nobody.
        }
    }

    void Append(WorkerFrameKind kind, ReadOnlySpan<byte> payload)
    {
        var needed = _outEnd + Header + payload.Length;
        if (needed > _out.Length)
            Array.Resize(ref _out, Math.Max(needed, 2 * _out.Length));
        _out[_outEnd] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(_out.AsSpan(_outEnd + 1), payload.Length);
        payload.CopyTo(_out.AsSpan(_outEnd + Header));
        _outEnd = needed;
    }

    /// <summary>Reads until so many bytes are here.</summary>
    bool Fill(int bytes)
    {
        while (_inEnd - _inStart < bytes)
        {
            MakeRoom(bytes);
            int read;
            try
            {
                read = input.Read(_in, _inEnd, _in.Length - _inEnd);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
            {
                return false;
            }
            if (read <= 0)
                return false;
            _inEnd += read;
        }
        return true;
    }

    void MakeRoom(int bytes)
    {
        if (_inStart == _inEnd)
        {
            _inStart = _inEnd = 0;
            // One large command or error needed a large buffer, for as long as it took.
            if (_in.Length > 4 * BufferBytes && bytes <= BufferBytes)
                _in = new byte[BufferBytes];
        }
        if (_inStart + bytes <= _in.Length)
            return;
        var target = bytes <= _in.Length ? _in : new byte[Math.Max(bytes, 2 * _in.Length)];
        _in.AsSpan(_inStart, _inEnd - _inStart).CopyTo(target);
        (_in, _inStart, _inEnd) = (target, 0, _inEnd - _inStart);
    }
}
