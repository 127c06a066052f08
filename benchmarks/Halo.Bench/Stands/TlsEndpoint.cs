using Halo.Testing;

namespace Halo.Bench.Stands;

/// <summary>A second address of an ASP.NET program, over TLS, beside its plain one.</summary>
static class TlsEndpoint
{
    /// <summary>Adds it to the program's settings.</summary>
    /// <returns>The address.</returns>
    public static Uri Add(IDictionary<string, string> settings, string directory, Uri plain)
    {
        var certificate = Path.Combine(directory, "tls.pfx");
        Certificate.Write(certificate);
        var address = new Uri($"https://127.0.0.1:{PostgresServer.FreePort()}/");
        settings["Kestrel__Endpoints__Http__Url"] = plain.ToString().TrimEnd('/');
        settings["Kestrel__Endpoints__Https__Url"] = address.ToString().TrimEnd('/');
        settings["Kestrel__Endpoints__Https__Certificate__Path"] = certificate;
        settings["Kestrel__Endpoints__Https__Certificate__Password"] = Certificate.Password;
        return address;
    }
}
