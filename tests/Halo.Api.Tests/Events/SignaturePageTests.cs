using System.Text;
using System.Text.RegularExpressions;
using Halo.Api.Events;
using Halo.Api.Ledger.Events;
using Halo.Contracts.Events;
using Halo.Testing;

namespace Halo.Api.Tests.Events;

/// <summary>The C# of docs/events.md, which stands beside this file, knows what is ours. Python's and Node's are run by the system tests.</summary>
public sealed partial class SignaturePageTests
{
    [Fact]
    public void The_page_has_the_code_that_is_tested_here()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "events.md"));
        var code = File.ReadAllText(Path.Combine(Repository.Root, "tests", "Halo.Api.Tests", "Events", "HaloSignature.cs"));
        Assert.Equal(code.ReplaceLineEndings("\n"), CSharp().Match(page).Groups[1].Value.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void It_takes_what_is_ours_and_fresh_and_nothing_else()
    {
        var (secret, now) = (new StoredSecret(Guid.NewGuid(), default, "whsec_" + Convert.ToBase64String(new byte[32])), DateTimeOffset.UtcNow);
        var body = Encoding.UTF8.GetBytes("""{"id":"é"}""");
        var headers = WebhookSignature.Headers(WebhookStyle.Halo, [secret], Guid.NewGuid(), now, body).ToDictionary(h => h.Name, h => h.Value);
        var (timestamp, signature) = (headers["X-Halo-Timestamp"], headers["X-Halo-Signature-256"]);
        Assert.True(HaloSignature.IsRight(secret.Secret, body, timestamp, signature));
        Assert.False(HaloSignature.IsRight(secret.Secret + "=", body, timestamp, signature));
        Assert.False(HaloSignature.IsRight(secret.Secret, [.. body, (byte)' '], timestamp, signature));
        Assert.False(HaloSignature.IsRight(secret.Secret, body, timestamp, signature.ToUpperInvariant()));
        Assert.False(HaloSignature.IsRight(secret.Secret, body, timestamp, ""));
        Assert.False(HaloSignature.IsRight(secret.Secret, body, "yesterday", signature));
        var old = WebhookSignature.Headers(WebhookStyle.Halo, [secret], Guid.NewGuid(), now.AddMinutes(-6), body).ToDictionary(h => h.Name, h => h.Value);
        Assert.False(HaloSignature.IsRight(secret.Secret, body, old["X-Halo-Timestamp"], old["X-Halo-Signature-256"]));
    }

    /// <summary>The expected value was computed by another program: HMAC-SHA256 of id, seconds and body, with dots between.</summary>
    [Fact]
    public void Standard_Webhooks_is_signed_by_the_bytes_behind_the_prefix()
    {
        var secret = new StoredSecret(Guid.NewGuid(), default, "whsec_" + Convert.ToBase64String(Enumerable.Range(0, 24).Select(i => (byte)i).ToArray()));
        var id = Guid.Parse("2f0c1d5e-0000-7000-8000-000000000001");
        var headers = WebhookSignature.Headers(WebhookStyle.Standard, [secret], id, DateTimeOffset.FromUnixTimeSeconds(1_614_265_330), "{\"test\": 2432232314}"u8.ToArray()).ToDictionary(h => h.Name, h => h.Value);
        Assert.Equal(("2f0c1d5e-0000-7000-8000-000000000001", "1614265330"), (headers["webhook-id"], headers["webhook-timestamp"]));
        Assert.Equal("v1,33szAouDWVc14sHNJlGKg0A9rtJD/w4/g+Q45PuelUU=", headers["webhook-signature"]);
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharp();
}
