using System.Buffers;

namespace Halo.LinkProtocol.Frames;

/// <summary>Buffers of frames: pooled, except the few that are large.</summary>
/// <remarks>The shared pool keeps one array of each size for each thread that ever gave one back: a few dozen of the largest messages would take gigabytes.</remarks>
public static class FrameBuffers
{
    const int MostPooledBytes = 1024 * 1024;

    /// <summary>A buffer of at least so many bytes, not cleared.</summary>
    public static byte[] Rent(int bytes) => bytes <= MostPooledBytes ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    /// <summary>Takes back what <see cref="Rent"/> gave.</summary>
    public static void Return(byte[] buffer)
    {
        if (buffer.Length is > 0 and <= MostPooledBytes)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}
