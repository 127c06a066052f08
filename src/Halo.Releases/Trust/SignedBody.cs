using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Halo.Releases.Trust;

/// <summary>A small JSON document with the signature of a root key. It is kept as the bytes that were signed, and read only once the signature is good.</summary>
/// <param name="Body">The document.</param>
/// <param name="Root">The id of the root key that signed it.</param>
/// <param name="Signature">Of the purpose and the body.</param>
sealed record SignedBody(byte[] Body, string Root, byte[] Signature)
{
    public static byte[] Sign<T>(T body, JsonTypeInfo<T> type, string purpose, RSA root)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, type);
        return JsonSerializer.SerializeToUtf8Bytes(new SignedBody(bytes, ReleaseSignature.IdOf(root.ExportSubjectPublicKeyInfo()), ReleaseSignature.Sign(root, purpose, bytes)), ReleaseJson.Default.SignedBody);
    }

    /// <exception cref="ReleaseRefusedException">It is damaged, or none of the roots signed it.</exception>
    public static T Open<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string purpose, RootList roots, string what)
        where T : class
    {
        if (roots.Roots.Count == 0)
            throw new ReleaseRefusedException(RefusalKind.NotTrusted, "This build of Halo Link was made without root keys and takes no release: install its package again.");
        try
        {
            var signed = JsonSerializer.Deserialize(json, ReleaseJson.Default.SignedBody);
            if (signed is not { Body: not null, Root: not null, Signature: not null })
                throw new JsonException();
            if (roots.Roots.FirstOrDefault(r => r.Id == signed.Root) is not { } root)
                throw new ReleaseRefusedException(RefusalKind.NotTrusted, $"{what} was signed by a root key that this Halo Link does not know.");
            if (!ReleaseSignature.Verify(root.Key, purpose, signed.Body, signed.Signature))
                throw new ReleaseRefusedException(RefusalKind.NotTrusted, $"{what} has a signature that is not good.");
            return JsonSerializer.Deserialize(signed.Body, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new ReleaseRefusedException(RefusalKind.Damaged, $"{what} is not in the form that this version reads.");
        }
    }
}
