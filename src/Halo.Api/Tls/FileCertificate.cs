using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Halo.Api.Tls;

/// <summary>A certificate with its key and its chain, as its files have them now. They are looked at when a connection comes, at most every two seconds.</summary>
/// <param name="path">PEM where there is <paramref name="keyPath"/>, else PKCS #12.</param>
/// <param name="keyPath">The key, PEM.</param>
/// <param name="password">Of the key, or of the PKCS #12.</param>
sealed partial class FileCertificate(string path, string? keyPath, string? password, TimeProvider time, ILogger<FileCertificate> log)
{
    static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(2);

    readonly Lock _lock = new();
    SslStreamCertificateContext? _current;
    byte[]? _digest;
    long? _looked;
    bool _failing;

    /// <summary>Null: it could not be read yet, and the one with which the server started counts.</summary>
    public SslStreamCertificateContext? Current
    {
        get
        {
            lock (_lock)
            {
                if (_looked is not { } looked || time.GetElapsedTime(looked) >= LookAgainAfter)
                    Look();
                return _current;
            }
        }
    }

    void Look()
    {
        _looked = time.GetTimestamp();
        try
        {
            var (certificate, key) = (File.ReadAllBytes(path), keyPath is null ? [] : File.ReadAllBytes(keyPath));
            var digest = SHA256.HashData([.. certificate, .. key]);
            if (_digest is not null && digest.AsSpan().SequenceEqual(_digest))
                return;
            var (leaf, chain) = keyPath is null ? OfPkcs12(certificate) : OfPem(Encoding.UTF8.GetString(certificate), Encoding.UTF8.GetString(key));
            _current = SslStreamCertificateContext.Create(leaf, chain, offline: true);
            if (_digest is not null)
                LogRenewed(path, leaf.NotAfter.ToUniversalTime());
            (_digest, _failing) = (digest, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            // Half of it written, most likely: certificate and key are two files.
            if (!_failing)
                LogUnreadable(path, e.GetType().Name);
            _failing = true;
        }
    }

    (X509Certificate2 Leaf, X509Certificate2Collection Chain) OfPem(string certificate, string key)
    {
        var leaf = password is null ? X509Certificate2.CreateFromPem(certificate, key) : X509Certificate2.CreateFromEncryptedPem(certificate, key, password);
        // Windows serves no key that is in memory alone.
        if (OperatingSystem.IsWindows())
            leaf = X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), null);
        X509Certificate2Collection chain = [];
        chain.ImportFromPem(certificate);
        return (leaf, chain);
    }

    (X509Certificate2 Leaf, X509Certificate2Collection Chain) OfPkcs12(byte[] content)
    {
        var all = X509CertificateLoader.LoadPkcs12Collection(content, password);
        return (all.FirstOrDefault(c => c.HasPrivateKey) ?? throw new CryptographicException("It holds no key."), all);
    }

    [LoggerMessage(1407, LogLevel.Information, "The certificate {Path} was renewed and is used for new connections; it ends {End:u}")]
    partial void LogRenewed(string path, DateTime end);

    [LoggerMessage(1408, LogLevel.Warning, "The certificate {Path} or its key cannot be read ({Kind}); the one before is used")]
    partial void LogUnreadable(string path, string kind);
}
