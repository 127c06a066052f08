using System.Buffers.Binary;

namespace Halo.LinkProtocol.Frames;

/// <summary>
/// The payload of <see cref="FrameKind.Answer"/>: the length of the outcome's JSON (unsigned 32 bits, little-endian), that JSON with its
/// columns, then the rows' JSON as it is. Most immediate results are small; one frame wakes each end once.
/// </summary>
public static class AnswerPayload
{
    /// <summary>Bytes of the length before the outcome.</summary>
    public const int LengthBytes = 4;

    /// <summary>Writes length and outcome to the start of <paramref name="destination"/> and returns where the rows go.</summary>
    public static int WriteHead(Span<byte> destination, ReadOnlySpan<byte> outcome)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)outcome.Length);
        outcome.CopyTo(destination[LengthBytes..]);
        return LengthBytes + outcome.Length;
    }

    /// <summary>Takes a payload apart. False: it is shorter than it says.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> outcome, out ReadOnlyMemory<byte> rows)
    {
        outcome = rows = default;
        if (payload.Length < LengthBytes)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(payload.Span);
        if (length > payload.Length - LengthBytes)
            return false;
        outcome = payload.Slice(LengthBytes, (int)length);
        rows = payload[(LengthBytes + (int)length)..];
        return true;
    }
}
