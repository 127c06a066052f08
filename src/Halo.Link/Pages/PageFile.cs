using System.Buffers.Binary;
using System.Security.Cryptography;
using Halo.Link.Files;

namespace Halo.Link.Pages;

/// <summary>
/// A page at rest: salt, then the compressed bytes in chunks of 32 KiB, then a trailer with what is known of the page.
/// Each part is sealed by AES-256-GCM under the file's own key; associated data bind it to query, page and place.
/// </summary>
static class PageFile
{
    public const int ChunkBytes = 32 * 1024;
    public const int SaltBytes = 16;
    public const int TrailerBytes = PageInfo.Bytes + LocalKey.TagBytes;
    public const uint TrailerIndex = uint.MaxValue;
    public const int NonceBytes = 12;
    public const int AssociatedBytes = 16 + 4 + 4;

    public static AesGcm Cipher(LocalKey key, ReadOnlySpan<byte> salt) => key.Cipher("halo-link page 1", salt);

    public static long FileBytes(long compressedSize)
    {
        var chunks = (compressedSize + ChunkBytes - 1) / ChunkBytes;
        return SaltBytes + compressedSize + chunks * LocalKey.TagBytes + TrailerBytes;
    }

    /// <summary>The key serves this file alone, so the place is nonce enough.</summary>
    public static void Nonce(Span<byte> nonce, uint index)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, index);
    }

    public static void Associated(Span<byte> data, Guid queryId, int page, uint index)
    {
        queryId.TryWriteBytes(data);
        BinaryPrimitives.WriteInt32LittleEndian(data[16..], page);
        BinaryPrimitives.WriteUInt32LittleEndian(data[20..], index);
    }
}

/// <summary>A page in the spool is not what was written: cut short, altered, or under a lost key.</summary>
sealed class PageDamagedException(int page, Exception? inner = null)
    : IOException($"Page {page} in the spool is damaged or was written under another key.", inner);
