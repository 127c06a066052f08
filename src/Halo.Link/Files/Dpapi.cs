using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Halo.Link.Files;

/// <summary>Secrets in files on Windows: readable on this machine alone, whichever account the service runs as. Who may open the file is said by its rights.</summary>
[SupportedOSPlatform("windows")]
static class Dpapi
{
    /// <summary>Not a secret: stops accidental decryption only.</summary>
    static readonly byte[] Entropy = "Halo Link"u8.ToArray();

    public static byte[] Protect(byte[] secret) => ProtectedData.Protect(secret, Entropy, DataProtectionScope.LocalMachine);

    /// <param name="ofAccount">It was protected for one account, as versions before 26.1130 did, and is lost with a change of account: protect it anew.</param>
    /// <exception cref="CryptographicException">It was not protected on this machine, or not by Halo Link.</exception>
    public static byte[] Unprotect(byte[] stored, out bool ofAccount)
    {
        ofAccount = false;
        try
        {
            return ProtectedData.Unprotect(stored, Entropy, DataProtectionScope.LocalMachine);
        }
        catch (CryptographicException)
        {
            ofAccount = true;
            return ProtectedData.Unprotect(stored, null, DataProtectionScope.CurrentUser);
        }
    }

    /// <summary>Protects it anew; a disk that is full hinders no start.</summary>
    public static void TryRewrite(DataDirectory directory, string name, byte[] secret)
    {
        try
        {
            directory.WriteBytes(name, Protect(secret));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // At the next start.
        }
    }
}
