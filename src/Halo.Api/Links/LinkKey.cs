using System.Buffers.Text;
using System.Security.Cryptography;

namespace Halo.Api.Links;

/// <summary>A Link's public key between JWK and .NET.</summary>
static class LinkKey
{
    /// <summary>The P-256 point of two base64url coordinates.</summary>
    /// <exception cref="FormatException">They are no base64url.</exception>
    public static ECParameters Parameters(string x, string y) => new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64Url.DecodeFromChars(x), Y = Base64Url.DecodeFromChars(y) },
    };
}
