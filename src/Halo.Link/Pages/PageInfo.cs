using System.Buffers.Binary;

namespace Halo.Link.Pages;

/// <summary>What is known of a finished page.</summary>
/// <param name="Number">From 1.</param>
/// <param name="RowStart">Index of its first row in the result, from 0.</param>
/// <param name="RowCount">Rows in it.</param>
/// <param name="JsonSize">Bytes of its JSON.</param>
/// <param name="CompressedSize">Bytes after Brotli: what travels.</param>
/// <param name="Digest">SHA-256 of the compressed bytes.</param>
sealed record PageInfo(int Number, long RowStart, long RowCount, long JsonSize, long CompressedSize, byte[] Digest)
{
    /// <summary>Bytes of <see cref="Write"/>.</summary>
    internal const int Bytes = 4 + 4 * 8 + 32;

    internal void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, Number);
        BinaryPrimitives.WriteInt64LittleEndian(to[4..], RowStart);
        BinaryPrimitives.WriteInt64LittleEndian(to[12..], RowCount);
        BinaryPrimitives.WriteInt64LittleEndian(to[20..], JsonSize);
        BinaryPrimitives.WriteInt64LittleEndian(to[28..], CompressedSize);
        Digest.CopyTo(to[36..]);
    }

    internal static PageInfo Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt32LittleEndian(from),
        BinaryPrimitives.ReadInt64LittleEndian(from[4..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[12..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[20..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[28..]),
        from.Slice(36, 32).ToArray());
}
