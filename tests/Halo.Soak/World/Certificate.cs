using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Halo.Soak.World;

/// <summary>The line runs over TLS, as everywhere off loopback: so damaged bytes end a connection, and are not taken for others.</summary>
static class Certificate
{
    /// <summary>Writes a certificate for 127.0.0.1: with its key for the server, without for those who trust it.</summary>
    public static (string Pfx, string Pem) Write(string directory)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Halo soak", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        var (pfx, pem) = (Path.Combine(directory, "tls.pfx"), Path.Combine(directory, "tls.pem"));
        File.WriteAllBytes(pfx, certificate.Export(X509ContentType.Pfx));
        File.WriteAllText(pem, certificate.ExportCertificatePem());
        return (pfx, pem);
    }
}
