using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Halo.Link.Transport;

/// <summary>Checks the API's certificate as the system does, and remembers in words why the last one was not accepted.</summary>
sealed class CertificateCheck(TimeProvider time)
{
    const int MostNames = 5;
    string? _fault;

    /// <summary>What is wrong with the certificate that was seen last; null: nothing, or none was seen.</summary>
    public string? Fault => Volatile.Read(ref _fault);

    /// <summary>For <see cref="SslClientAuthenticationOptions.RemoteCertificateValidationCallback"/>: accepts what has no fault at all.</summary>
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        var host = (sender as SslStream)?.TargetHostName is { Length: > 0 } name ? name : "the API";
        Volatile.Write(ref _fault, errors == SslPolicyErrors.None ? null : Explain(host, certificate as X509Certificate2, chain, errors));
        return errors == SslPolicyErrors.None;
    }

    string Explain(string host, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
            return $"{host} showed no certificate: check the setting api.";
        var now = time.GetUtcNow();
        var states = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, s) => all | s.Status) ?? X509ChainStatusFlags.NoError;
        if (now < certificate.NotBefore)
            return string.Create(CultureInfo.InvariantCulture, $"The certificate of {host} is valid from {certificate.NotBefore.ToUniversalTime():u}, and this machine's clock says {now:u}: set the clock (time and time zone), or have the certificate corrected where the clock is right.");
        if (now > certificate.NotAfter)
            return string.Create(CultureInfo.InvariantCulture, $"The certificate of {host} has expired on {certificate.NotAfter.ToUniversalTime():u}, and this machine's clock says {now:u}: set the clock where it is wrong; else the operator of the Halo API has to renew the certificate.");
        if ((states & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
            return $"The certificate of {host} was issued by \"{certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true)}\", which this machine does not trust: install the certificate of that authority (a proxy or virus scanner that opens TLS has one of its own), or check the setting api.";
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return $"The certificate that answers for {host} is for {Names(certificate)}: check the name in the setting api.";
        return $"The certificate of {host} is not accepted ({states}): ask the operator of the Halo API.";
    }

    static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).Take(MostNames).ToList();
        return names.Count > 0 ? string.Join(", ", names) : certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false);
    }
}
