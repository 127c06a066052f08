using System.Buffers.Text;
using System.Security.Cryptography;
using Halo.Link.Settings;
using Halo.LinkProtocol.Enrolment;

namespace Halo.Link.Files;

/// <summary>The Link's own key pair. The private half never leaves the machine.</summary>
sealed class LinkKey : IDisposable
{
    /// <summary>Name of its file in the data directory.</summary>
    public const string FileName = "link.key";

    LinkKey(ECDsa key) => Key = key;

    /// <summary>P-256.</summary>
    public ECDsa Key { get; }

    /// <summary>Reads <c>link.key</c> (PKCS#8), or makes it at the first start.</summary>
    /// <exception cref="SettingsException">It is there and cannot be read.</exception>
    public static LinkKey Load(DataDirectory directory)
    {
        var file = directory.PathOf(FileName);
        var key = ECDsa.Create();
        if (!File.Exists(file))
        {
            key.GenerateKey(ECCurve.NamedCurves.nistP256);
            var fresh = key.ExportPkcs8PrivateKey();
            directory.WriteBytes(FileName, OperatingSystem.IsWindows() ? Dpapi.Protect(fresh) : fresh);
            CryptographicOperations.ZeroMemory(fresh);
            return new(key);
        }
        try
        {
            var stored = File.ReadAllBytes(file);
            var ofAccount = false;
            var pkcs8 = OperatingSystem.IsWindows() ? Dpapi.Unprotect(stored, out ofAccount) : stored;
            key.ImportPkcs8PrivateKey(pkcs8, out _);
            if (OperatingSystem.IsWindows() && ofAccount)
                Dpapi.TryRewrite(directory, FileName, pkcs8);
            CryptographicOperations.ZeroMemory(pkcs8);
            return new(key);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new SettingsException([new("dataDirectory",
                $"the Link's key {file} cannot be read: let the account {Environment.UserName} read it, or restore it from a backup of this machine. "
                + "Where it is lost, remove link.key and identity.json; the Link then enrols as a new one.")]);
        }
    }

    /// <summary>The public half, as the API gets it.</summary>
    public PublicKeyJwk PublicKey()
    {
        var q = Key.ExportParameters(includePrivateParameters: false).Q;
        return new(Base64Url.EncodeToString(q.X), Base64Url.EncodeToString(q.Y));
    }

    /// <summary>ES256 as base64url of r‖s.</summary>
    public string Sign(ReadOnlySpan<byte> data) =>
        Base64Url.EncodeToString(Key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

    public void Dispose() => Key.Dispose();
}
