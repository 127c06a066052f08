using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Ledger.Events;
using Halo.Contracts.Events;

namespace Halo.Api.Events;

/// <summary>Headers by which a receiver knows that an event is ours and fresh.</summary>
static class WebhookSignature
{
    const string SecretPrefix = "whsec_";

    /// <summary>Of one try.</summary>
    /// <param name="secrets">One or two, oldest first.</param>
    /// <param name="body">As it is sent.</param>
    public static IEnumerable<(string Name, string Value)> Headers(WebhookStyle style, IReadOnlyList<StoredSecret> secrets, Guid eventId, DateTimeOffset now, byte[] body)
    {
        yield return ("X-Halo-Id", eventId.ToString());
        if (style == WebhookStyle.Standard)
        {
            var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            byte[] signed = [.. Encoding.UTF8.GetBytes($"{eventId}.{seconds}."), .. body];
            yield return ("webhook-id", eventId.ToString());
            yield return ("webhook-timestamp", seconds);
            yield return ("webhook-signature", string.Join(' ', secrets.Select(s => "v1," + Convert.ToBase64String(HMACSHA256.HashData(KeyOf(s), signed)))));
            yield break;
        }
        var timestamp = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'+00:00'", CultureInfo.InvariantCulture);
        byte[] text = [.. body, .. Encoding.UTF8.GetBytes("." + timestamp)];
        yield return ("X-Halo-Timestamp", timestamp);
        yield return ("X-Halo-Signature-256", Hex(secrets[0], text));
        // Programs of the original service know one signature alone: it stays the old secret's until that is removed.
        if (secrets.Count > 1)
            yield return ("X-Halo-Signature-256-Next", Hex(secrets[1], text));
    }

    /// <summary>As Standard Webhooks has it: the bytes behind the prefix.</summary>
    static byte[] KeyOf(StoredSecret secret) => Convert.FromBase64String(secret.Secret[SecretPrefix.Length..]);

    /// <summary>As the original service has it: the secret's text.</summary>
    static string Hex(StoredSecret secret, byte[] text) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret.Secret), text));
}
