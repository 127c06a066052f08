using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Halo.Api.Storage.Keys;

/// <summary>What a sealed blob is and where it belongs; it opens nowhere else.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Number">Which of several: the page number; else 0.</param>
readonly record struct BlobPlace(BlobKind Kind, int Number)
{
    /// <summary>A page of an async result.</summary>
    public static BlobPlace Page(int number) => new(BlobKind.Page, number);

    /// <summary>The command of an async query.</summary>
    public static BlobPlace Command => new(BlobKind.Command, 0);

    /// <summary>Columns, output parameters and the database's words.</summary>
    public static BlobPlace Detail => new(BlobKind.Detail, 0);

    /// <summary>An answer that is kept for a repeat of its request.</summary>
    public static BlobPlace Answer => new(BlobKind.Answer, 0);

    /// <summary>A result of a registered query.</summary>
    public static BlobPlace RegisteredResult(int number) => new(BlobKind.RegisteredResult, number);

    /// <summary>What changed with that result.</summary>
    public static BlobPlace RegisteredChange(int number) => new(BlobKind.RegisteredChange, number);

    /// <summary>The secrets of a webhook.</summary>
    public static BlobPlace WebhookSecrets => new(BlobKind.WebhookSecrets, 0);

    /// <summary>What a site's database has.</summary>
    public static BlobPlace Schema => new(BlobKind.Schema, 0);
}

/// <summary>What a sealed blob is. Numbers are for ever: they stand in stored data.</summary>
enum BlobKind : byte
{
    None = 0,
    Page = 1,
    Command = 2,
    Detail = 3,
    Answer = 4,
    RegisteredResult = 5,
    RegisteredChange = 6,
    WebhookSecrets = 7,
    Schema = 8,
}

/// <summary>
/// The format of everything encrypted at rest: a header of 40 bytes (<c>HALO</c>, version, three zeros, salt of 32), then
/// chunks of 64 KiB plain text, the last one shorter (an empty blob has one empty chunk), each followed by its tag of 16.
/// </summary>
/// <remarks>
/// Nonces: each blob has a key of its own, HKDF-SHA256 of the query's data key and the blob's random 256-bit salt, and
/// within it chunk <c>i</c> has nonce <c>i</c>. So no nonce repeats under one key, also where the same page or detail is
/// written again under the same data key. The associated data binds a chunk to query, kind, page number, index and to
/// being the last: what is changed, cut, reordered or moved does not open.
/// </remarks>
static class SealedBlob
{
    public const int ChunkBytes = 64 * 1024;
    public const int TagBytes = 16;
    public const int HeaderBytes = 40;
    const int SaltBytes = 32;

    static ReadOnlySpan<byte> Magic => "HALO\x01\x00\x00\x00"u8;

    public static byte[] NewHeader()
    {
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        RandomNumberGenerator.Fill(header.AsSpan(HeaderBytes - SaltBytes));
        return header;
    }

    /// <exception cref="SealBrokenException">It is not a header of ours.</exception>
    public static AesGcm CipherFor(DataKey key, ReadOnlySpan<byte> header)
    {
        if (header.Length != HeaderBytes || !header.StartsWith(Magic))
            throw Broken();
        Span<byte> own = stackalloc byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Key, own, header[^SaltBytes..], "halo blob 1"u8);
        return new(own, TagBytes);
    }

    /// <param name="sealedChunk">Room for the plain bytes and the tag.</param>
    public static void SealChunk(AesGcm cipher, Guid queryId, BlobPlace place, int index, bool last, ReadOnlySpan<byte> plain, Span<byte> sealedChunk)
    {
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> bound = stackalloc byte[BoundBytes];
        Bind(queryId, place, index, last, nonce, bound);
        cipher.Encrypt(nonce, plain, sealedChunk[..plain.Length], sealedChunk[plain.Length..], bound);
    }

    /// <exception cref="SealBrokenException">It was changed or belongs elsewhere.</exception>
    public static void OpenChunk(AesGcm cipher, Guid queryId, BlobPlace place, int index, bool last, ReadOnlySpan<byte> sealedChunk, Span<byte> plain)
    {
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> bound = stackalloc byte[BoundBytes];
        Bind(queryId, place, index, last, nonce, bound);
        try
        {
            cipher.Decrypt(nonce, sealedChunk[..plain.Length], sealedChunk[plain.Length..], plain, bound);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw Broken(e);
        }
    }

    public static byte[] Seal(DataKey key, BlobPlace place, ReadOnlySpan<byte> plain)
    {
        var chunks = Math.Max(1, (plain.Length + ChunkBytes - 1) / ChunkBytes);
        var blob = new byte[HeaderBytes + plain.Length + chunks * TagBytes];
        NewHeader().CopyTo(blob, 0);
        using var cipher = CipherFor(key, blob.AsSpan(0, HeaderBytes));
        for (var i = 0; i < chunks; i++)
        {
            var piece = plain[(i * ChunkBytes)..Math.Min(plain.Length, (i + 1) * ChunkBytes)];
            SealChunk(cipher, key.QueryId, place, i, i == chunks - 1, piece,
                blob.AsSpan(HeaderBytes + i * (ChunkBytes + TagBytes), piece.Length + TagBytes));
        }
        return blob;
    }

    /// <exception cref="SealBrokenException">It was changed, cut, or belongs elsewhere.</exception>
    public static byte[] Open(DataKey key, BlobPlace place, byte[] blob)
    {
        var layout = SealedLayout.Of(blob.Length);
        using var cipher = CipherFor(key, blob.AsSpan(0, HeaderBytes));
        var plain = new byte[layout.PlainLength];
        for (var i = 0; i < layout.Chunks; i++)
        {
            var length = layout.PlainLengthOf(i);
            OpenChunk(cipher, key.QueryId, place, i, i == layout.Chunks - 1,
                blob.AsSpan((int)SealedLayout.OffsetOf(i), length + TagBytes), plain.AsSpan(i * ChunkBytes, length));
        }
        return plain;
    }

    public static SealBrokenException Broken(Exception? cause = null) =>
        new("Encrypted data does not open: it was changed, cut, or stands where it does not belong.", cause);

    const int BoundBytes = 16 + 1 + 4 + 4 + 1;

    static void Bind(Guid queryId, BlobPlace place, int index, bool last, Span<byte> nonce, Span<byte> bound)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt32BigEndian(nonce[8..], index);
        queryId.TryWriteBytes(bound, bigEndian: true, out _);
        bound[16] = (byte)place.Kind;
        BinaryPrimitives.WriteInt32BigEndian(bound[17..], place.Number);
        BinaryPrimitives.WriteInt32BigEndian(bound[21..], index);
        bound[25] = last ? (byte)1 : (byte)0;
    }
}

/// <summary>Where the chunks of a sealed blob stand, from its length alone.</summary>
readonly record struct SealedLayout(int Chunks, long PlainLength)
{
    const int Sealed = SealedBlob.ChunkBytes + SealedBlob.TagBytes;

    /// <exception cref="SealBrokenException">No blob has this length.</exception>
    public static SealedLayout Of(long length)
    {
        var body = length - SealedBlob.HeaderBytes;
        var chunks = (body + Sealed - 1) / Sealed;
        var last = body - (chunks - 1) * Sealed;
        if (body < SealedBlob.TagBytes || last < SealedBlob.TagBytes || (last == SealedBlob.TagBytes && chunks > 1) || chunks > int.MaxValue)
            throw SealedBlob.Broken();
        return new((int)chunks, body - chunks * SealedBlob.TagBytes);
    }

    public static long OffsetOf(int chunk) => SealedBlob.HeaderBytes + (long)chunk * Sealed;

    public int PlainLengthOf(int chunk) => (int)Math.Min(SealedBlob.ChunkBytes, PlainLength - (long)chunk * SealedBlob.ChunkBytes);
}
