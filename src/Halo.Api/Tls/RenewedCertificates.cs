using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Halo.Api.Tls;

/// <summary>Certificates in files, as the section <c>Kestrel</c> names them: a renewed one serves the connections that come, and what is open goes on.</summary>
/// <remarks>The server's own way, tried on .NET 10: it stops listening for five seconds and drops every connection of the endpoint, each Link's session among them.</remarks>
static class RenewedCertificates
{
    public static void Follow(KestrelServerOptions kestrel, IConfiguration configuration, IHostEnvironment host, TimeProvider time)
    {
        var section = configuration.GetSection("Kestrel");
        var loader = kestrel.Configure(section, reloadOnChange: false);
        var log = kestrel.ApplicationServices.GetRequiredService<ILogger<FileCertificate>>();
        var common = Find(section.GetSection("Certificates:Default"));
        kestrel.ConfigureHttpsDefaults(https => Use(https, common));
        foreach (var endpoint in section.GetSection("Endpoints").GetChildren())
        {
            // Where it has one of its own that is no file, the common one must not take its place.
            if (endpoint.GetSection("Certificate") is var own && own.Exists())
                loader.Endpoint(endpoint.Key, e => Use(e.HttpsOptions, Find(own)));
        }

        FileCertificate? Find(IConfigurationSection certificate) => certificate["Path"] is not { Length: > 0 } path ? null
            : new(Whole(path), certificate["KeyPath"] is { Length: > 0 } key ? Whole(key) : null, certificate["Password"], time, log);

        // As the server reads them.
        string Whole(string path) => Path.Combine(host.ContentRootPath, path);
    }

    static void Use(HttpsConnectionAdapterOptions https, FileCertificate? certificate) => https.OnAuthenticate = certificate is null
        ? null
        : (_, tls) => tls.ServerCertificateContext = certificate.Current ?? tls.ServerCertificateContext;
}
