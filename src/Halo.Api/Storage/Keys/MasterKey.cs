using System.Security.Cryptography;

namespace Halo.Api.Storage.Keys;

/// <summary>One 256-bit key that wraps others. Its id, the first eight bytes of its SHA-256, stands in everything it wrapped.</summary>
/// <remarks>
/// A wrapped secret: <c>HKEY</c>, version 1, key id (8), salt (32), ciphertext, tag (16). Each is encrypted by a key of its
/// own, derived from the master key and the random salt, so no nonce is ever used twice however many are wrapped.
/// </remarks>
sealed class MasterKey
{
    public const int Bytes = 32;
    const int IdBytes = 8;
    const int SaltBytes = 32;
    const int TagBytes = 16;

    /// <summary>Length of what <see cref="WriteTag"/> writes.</summary>
    public const int TextTagBytes = 16;
    const int HeaderBytes = 4 + 1 + IdBytes + SaltBytes;

    // Where the key id stands, from 1, as SQL's substr counts.
    public const int IdPosition = 6;

    readonly byte[] _key;
    readonly byte[] _tagKey;

    public MasterKey(byte[] key)
    {
        _key = key;
        IdBytesOf = SHA256.HashData(key)[..IdBytes];
        Id = Convert.ToHexStringLower(IdBytesOf);
        _tagKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, key, Bytes, info: "halo tag 1"u8.ToArray());
    }

    /// <summary>Lower-case hex.</summary>
    public string Id { get; }

    public byte[] IdBytesOf { get; }

    static ReadOnlySpan<byte> Magic => "HKEY\x01"u8;

    /// <param name="secret">What is wrapped.</param>
    /// <param name="name">Binds it to its place: unwrapping under another name fails.</param>
    public byte[] Wrap(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> name)
    {
        var blob = new byte[HeaderBytes + secret.Length + TagBytes];
        Magic.CopyTo(blob);
        IdBytesOf.CopyTo(blob, Magic.Length);
        RandomNumberGenerator.Fill(blob.AsSpan(HeaderBytes - SaltBytes, SaltBytes));
        using var aes = Derive(blob);
        aes.Encrypt(Nonce, secret, blob.AsSpan(HeaderBytes, secret.Length), blob.AsSpan(HeaderBytes + secret.Length),
            [.. blob.AsSpan(0, HeaderBytes), .. name]);
        return blob;
    }

    /// <exception cref="SealBrokenException">It was changed, or belongs elsewhere.</exception>
    public byte[] Unwrap(ReadOnlySpan<byte> blob, ReadOnlySpan<byte> name)
    {
        var secret = new byte[blob.Length - HeaderBytes - TagBytes];
        using var aes = Derive(blob);
        try
        {
            aes.Decrypt(Nonce, blob.Slice(HeaderBytes, secret.Length), blob[^TagBytes..], secret, [.. blob[..HeaderBytes], .. name]);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new SealBrokenException("A wrapped key does not open: it was changed, or stands where it does not belong.", e);
        }
        return secret;
    }

    /// <summary>HMAC-SHA-256 under a key of its own, cut to 16 bytes.</summary>
    public void WriteTag(ReadOnlySpan<byte> text, Span<byte> tag)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_tagKey, text, whole);
        whole[..TextTagBytes].CopyTo(tag);
    }

    /// <summary>Id of the key that made <paramref name="blob"/>; null where this is no wrapped secret.</summary>
    public static string? IdIn(ReadOnlySpan<byte> blob) =>
        blob.Length >= HeaderBytes + TagBytes && blob.StartsWith(Magic) ? Convert.ToHexStringLower(blob.Slice(Magic.Length, IdBytes)) : null;

    static ReadOnlySpan<byte> Nonce => new byte[12];

    AesGcm Derive(ReadOnlySpan<byte> blob)
    {
        Span<byte> key = stackalloc byte[Bytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, key, blob.Slice(HeaderBytes - SaltBytes, SaltBytes), "halo wrap 1"u8);
        return new(key, TagBytes);
    }
}

/// <summary>Encrypted data was changed, cut, or moved from where it belongs; or its key is not here.</summary>
sealed class SealBrokenException(string message, Exception? cause = null) : Exception(message, cause);
