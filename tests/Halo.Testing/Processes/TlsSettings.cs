using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Halo.Testing.Processes;

/// <summary>An API that also listens with TLS, as everywhere off loopback: there damaged bytes end a connection, and are not taken for others.</summary>
public static class TlsSettings
{
    /// <summary>The name that its certificates hold, beside every address of loopback that tests use.</summary>
    public const string Name = "halo.test";

    /// <summary>Adds an https endpoint to an API that is not started yet.</summary>
    /// <returns>Its address, and the file with the certificate of its authority, for <c>SSL_CERT_FILE</c> of those who shall trust it.</returns>
    public static (string Address, string CertificateFile) Add(HaloFixture fixture)
    {
        var address = $"https://127.0.0.1:{PostgresServer.FreePort()}";
        using var authority = MakeAuthority();
        File.WriteAllBytes(AuthorityFile(fixture), authority.Export(X509ContentType.Pfx));
        var trusted = Path.Combine(fixture.TemporaryDirectory, "tls.pem");
        File.WriteAllText(trusted, authority.ExportCertificatePem());
        Renew(fixture);
        var settings = fixture.Api.Settings;
        settings["Kestrel__Endpoints__Plain__Url"] = fixture.Api.Address.ToString().TrimEnd('/');
        settings["Kestrel__Endpoints__Line__Url"] = address;
        settings["Kestrel__Endpoints__Line__Certificate__Path"] = ServerFile(fixture);
        return (address, trusted);
    }

    /// <summary>Puts another certificate in the place of the one that the API has.</summary>
    /// <returns>Its serial number.</returns>
    public static string Renew(HaloFixture fixture)
    {
        using var authority = X509CertificateLoader.LoadPkcs12FromFile(AuthorityFile(fixture), null);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Halo tests", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        using var whole = certificate.CopyWithPrivateKey(key);
        File.WriteAllBytes(ServerFile(fixture), whole.Export(X509ContentType.Pfx));
        return whole.SerialNumber;
    }

    static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Halo tests' authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
    }

    static string AuthorityFile(HaloFixture fixture) => Path.Combine(fixture.TemporaryDirectory, "authority.pfx");

    static string ServerFile(HaloFixture fixture) => Path.Combine(fixture.TemporaryDirectory, "tls.pfx");
}
