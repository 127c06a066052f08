namespace Halo.LinkProtocol.Frames;

/// <summary>Frames to bytes and back: one byte of kind, sixteen of query id (big-endian) where the kind has one, the payload.</summary>
public static class FrameCodec
{
    /// <summary>The longest header: bytes to leave free before a payload so that it need not be copied.</summary>
    public const int MaxHeaderBytes = 1 + 16;

    /// <summary>Whether frames of this kind carry a query id.</summary>
    public static bool HasQueryId(FrameKind kind) => (byte)kind is >= 0x10 and <= 0x7F;

    /// <summary>Bytes of the header of this kind.</summary>
    public static int HeaderBytes(FrameKind kind) => HasQueryId(kind) ? MaxHeaderBytes : 1;

    /// <summary>Writes the header to the start of <paramref name="destination"/> and returns its length.</summary>
    public static int WriteHeader(Span<byte> destination, FrameKind kind, Guid queryId)
    {
        destination[0] = (byte)kind;
        if (!HasQueryId(kind))
            return 1;
        queryId.TryWriteBytes(destination[1..], bigEndian: true, out _);
        return MaxHeaderBytes;
    }

    /// <summary>Reads a whole message. False when it is shorter than its header: the line is broken or foreign.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> message, out Frame frame)
    {
        frame = default;
        if (message.IsEmpty)
            return false;
        var kind = (FrameKind)message.Span[0];
        var header = HeaderBytes(kind);
        if (message.Length < header)
            return false;
        var queryId = HasQueryId(kind) ? new Guid(message.Span.Slice(1, 16), bigEndian: true) : Guid.Empty;
        frame = new Frame(kind, queryId, message[header..]);
        return true;
    }
}
