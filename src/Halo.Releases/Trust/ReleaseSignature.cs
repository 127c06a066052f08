using System.Security.Cryptography;
using System.Text;

namespace Halo.Releases.Trust;

/// <summary>RSA-PSS with SHA-256, which works on both systems and under wine. What is signed begins with what it is, so that no signature serves for anything else.</summary>
static class ReleaseSignature
{
    public const string OfRelease = "halo release v1\n", OfCertificate = "halo certificate v1\n", OfRoots = "halo roots v1\n";
    const int SmallestKey = 2048, LargestKey = 8192;

    public static byte[] Sign(RSA key, string purpose, ReadOnlySpan<byte> content) =>
        key.SignData(Content(purpose, content), HashAlgorithmName.SHA256, RSASignaturePadding.Pss);

    /// <param name="key">SubjectPublicKeyInfo.</param>
    public static bool Verify(ReadOnlySpan<byte> key, string purpose, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportSubjectPublicKeyInfo(key, out var read);
            return read == key.Length && rsa.KeySize is >= SmallestKey and <= LargestKey
                && rsa.VerifyData(Content(purpose, content), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Names a key: the beginning of its digest.</summary>
    public static string IdOf(ReadOnlySpan<byte> key) => Convert.ToHexStringLower(SHA256.HashData(key))[..16];

    static byte[] Content(string purpose, ReadOnlySpan<byte> content) => [.. Encoding.ASCII.GetBytes(purpose), .. content];
}
