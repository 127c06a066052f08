using System.Security.Cryptography;
using System.Text;
using Halo.Line;
using Halo.Link.Settings;

namespace Halo.Link.Files;

/// <summary>The key under which the Link keeps patients' data on its own disk: made at first start, readable by the service's account alone.</summary>
/// <remarks>Every use has a key of its own, derived by HKDF, so that no nonce can ever meet another's.</remarks>
sealed class LocalKey
{
    /// <summary>Name of the key's file in the data directory.</summary>
    public const string FileName = "spool.key";

    const int Bytes = 32;
    readonly byte[] _key;

    LocalKey(byte[] key, bool isNew)
    {
        _key = key;
        IsNew = isNew;
    }

    /// <summary>Whether it was made just now: what was encrypted before, if anything, cannot be read any more.</summary>
    public bool IsNew { get; }

    /// <summary>Reads the key of a data directory, or makes it.</summary>
    /// <exception cref="SettingsException">It cannot be read or made.</exception>
    public static LocalKey Open(string dataDirectory)
    {
        try
        {
            return ReadOrMake(dataDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException([new("dataDirectory",
                $"{Path.Combine(dataDirectory, FileName)} cannot be read or written: let the account {Environment.UserName} read and write there.")]);
        }
    }

    static LocalKey ReadOrMake(string dataDirectory)
    {
        Directory.CreateDirectory(dataDirectory);
        var path = Path.Combine(dataDirectory, FileName);
        if (File.Exists(path) && File.ReadAllBytes(path) is { Length: Bytes } kept)
            return new LocalKey(kept, isNew: false);
        var key = RandomNumberGenerator.GetBytes(Bytes);
        var temporary = path + ".tmp";
        File.Delete(temporary);
        using (var file = OwnFiles.Open(temporary, FileMode.CreateNew, FileAccess.Write))
        {
            file.Write(key);
            file.Flush(flushToDisk: true);
        }
        DurableFile.Publish(temporary, path);
        return new LocalKey(key, isNew: true);
    }

    /// <summary>AES-256-GCM for one purpose; <paramref name="salt"/> makes it unique within the purpose.</summary>
    public AesGcm Cipher(string purpose, ReadOnlySpan<byte> salt)
    {
        Span<byte> derived = stackalloc byte[Bytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, derived, salt, Encoding.ASCII.GetBytes(purpose));
        return new AesGcm(derived, TagBytes);
    }

    /// <summary>Bytes of the tag behind every ciphertext.</summary>
    public const int TagBytes = 16;
}
