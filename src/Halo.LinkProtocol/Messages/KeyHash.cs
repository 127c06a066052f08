using System.Security.Cryptography;
using System.Text;

namespace Halo.LinkProtocol.Messages;

/// <summary>What the Link knows of an integrator's <c>Idempotency-Key</c>: enough to know it again, and not the key itself.</summary>
public static class KeyHash
{
    /// <summary>Bytes of a hash.</summary>
    public const int Bytes = SHA256.HashSizeInBytes;

    /// <summary>SHA-256 over the integrator's id (16 bytes, big-endian) and the key as UTF-8.</summary>
    public static byte[] Of(Guid integratorId, string key) => SHA256.HashData([.. integratorId.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(key)]);
}
