using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Halo.Testing.Processes;

/// <summary>An API that also listens with TLS, as everywhere off loopback: there damaged bytes end a connection, and are not taken for others.</summary>
public static class TlsSettings
{
    /// <summary>Adds an https endpoint to an API that is not started yet.</summary>
    /// <returns>Its address, and the file with the certificate, for <c>SSL_CERT_FILE</c> of those who shall trust it.</returns>
    public static (string Address, string CertificateFile) Add(HaloFixture fixture)
    {
        var address = $"https://127.0.0.1:{PostgresServer.FreePort()}";
        var (pfx, pem) = Write(fixture.TemporaryDirectory);
        var settings = fixture.Api.Settings;
        settings["Kestrel__Endpoints__Plain__Url"] = fixture.Api.Address.ToString().TrimEnd('/');
        settings["Kestrel__Endpoints__Line__Url"] = address;
        settings["Kestrel__Endpoints__Line__Certificate__Path"] = pfx;
        return (address, pem);
    }

    /// <summary>Writes a certificate for 127.0.0.1: with its key for the server, without for those who trust it.</summary>
    static (string Pfx, string Pem) Write(string directory)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Halo tests", key, HashAlgorithmName.SHA256);
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
