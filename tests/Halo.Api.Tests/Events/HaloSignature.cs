using System.Globalization;
using System.Security.Cryptography;
using System.Text;

static class HaloSignature
{
    public static bool IsRight(string secret, byte[] body, string timestamp, string signature)
    {
        if (!DateTimeOffset.TryParse(timestamp, CultureInfo.InvariantCulture, out var sent) || (DateTimeOffset.UtcNow - sent).Duration() > TimeSpan.FromMinutes(5))
            return false;
        byte[] signed = [.. body, .. Encoding.UTF8.GetBytes("." + timestamp)];
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(signature));
    }
}
