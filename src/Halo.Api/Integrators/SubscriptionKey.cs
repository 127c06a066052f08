using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Api.Integrators;

/// <summary>Subscription keys: 256 random bits as 43 characters, shown once; only SHA-256 is kept.</summary>
static class SubscriptionKey
{
    /// <summary>The header that carries it.</summary>
    public const string Header = "Ocp-Apim-Subscription-Key";

    /// <summary>The slots, so that keys can be rotated without a gap.</summary>
    public static readonly string[] Slots = ["primary", "secondary"];

    /// <summary>A new key.</summary>
    public static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>What is kept of a key.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
