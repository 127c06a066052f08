using System.Security.Cryptography;
using System.Text;

namespace Halo.Link.Installing.Windows;

/// <summary>The identity of a service to Windows' access rights, whichever account it runs as.</summary>
static class ServiceSid
{
    /// <summary>S-1-5-80 and the SHA-1 of the service's name in capitals, which is Windows' own rule: by its name the identity is known only once the service is there.</summary>
    public static string Of(string service)
    {
#pragma warning disable CA5350 // Windows' own rule.
        var digest = SHA1.HashData(Encoding.Unicode.GetBytes(service.ToUpperInvariant()));
#pragma warning restore CA5350
        return $"S-1-5-80-{string.Join('-', Enumerable.Range(0, 5).Select(i => BitConverter.ToUInt32(digest, i * 4)))}";
    }
}
