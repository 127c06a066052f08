using System.Security.Cryptography;

namespace Halo.Releases.Trust;

/// <summary>A root's word that a key signs releases, for a time.</summary>
/// <param name="Key">SubjectPublicKeyInfo.</param>
/// <param name="From">From when.</param>
/// <param name="To">Until when.</param>
/// <param name="Purpose"><see cref="Releases"/>.</param>
sealed record ReleaseCertificate(byte[] Key, DateTimeOffset From, DateTimeOffset To, string Purpose)
{
    public const string Releases = "halo-link-release";
    const string What = "The certificate of the release key";

    public static byte[] Make(RSA releaseKey, DateTimeOffset from, DateTimeOffset to, RSA root) =>
        SignedBody.Sign(new(releaseKey.ExportSubjectPublicKeyInfo(), from, to, Releases), ReleaseJson.Default.ReleaseCertificate, ReleaseSignature.OfCertificate, root);

    /// <exception cref="ReleaseRefusedException">It is not good now.</exception>
    public static ReleaseCertificate Open(ReadOnlySpan<byte> json, RootList roots, DateTimeOffset now)
    {
        var certificate = SignedBody.Open(json, ReleaseJson.Default.ReleaseCertificate, ReleaseSignature.OfCertificate, roots, What);
        if (certificate.Key is null || certificate.Purpose != Releases)
            throw new ReleaseRefusedException(RefusalKind.NotTrusted, $"{What} is for something else than releases of Halo Link.");
        if (now > certificate.To)
            throw new ReleaseRefusedException(RefusalKind.Expired, $"{What} expired at {certificate.To:u}: ask for a newer release, or set this machine's clock.");
        if (now < certificate.From)
            throw new ReleaseRefusedException(RefusalKind.Expired, $"{What} is good from {certificate.From:u} on: set this machine's clock.");
        return certificate;
    }
}
