using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol.Enrolment;

namespace Halo.Api.Tests.Links;

/// <summary>Whatever a stranger sends in the place of an assertion or of an access token is refused, and is no failure of the service.</summary>
public sealed class AssertionFormTests(OneHost one) : IClassFixture<OneHost>
{
    static readonly string Header = Base64Url.EncodeToString("""{"alg":"ES256"}"""u8);
    static readonly string Claims = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"iss":"{{Guid.NewGuid()}}"}"""));

    public static TheoryData<string> Forms =>
    [
        "", ".", "..", "...", "....", ".....", "a", "a.b", "a.b.c", "a.b.c.d.e", "!.!.!", "!.!.!.!.!",
        // Five parts: an encrypted token, whose parts are no base64.
        $"{Header}.eyJpc.{Claims}.xifQ.xss\u009dG", $"{Header}.{Claims}.{Claims}.{Claims}.{Claims}", $"{Base64Url.EncodeToString("""{"alg":"dir","enc":"A128CBC-HS256"}"""u8)}.....",
        $"{Base64Url.EncodeToString("""{"alg":"dir","enc":"A128CBC-HS256"}"""u8)}.a.b.c.d", $"{Header}.{Claims}.\u009d", $"{Header}.{Claims}.x", $"{Header}.x.y", $"x.{Claims}.y",
        $"{Base64Url.EncodeToString("[]"u8)}.{Base64Url.EncodeToString("[]"u8)}.", $"{Base64Url.EncodeToString("{}"u8)}.{Base64Url.EncodeToString("null"u8)}.", $"{Header}.{Base64Url.EncodeToString("""{"iss":{"a":[]}}"""u8)}.",
        $"{Header}.{Base64Url.EncodeToString("""{"iss":5,"exp":"never","nbf":{},"aud":[[]]}"""u8)}.",
    ];

    [Theory, MemberData(nameof(Forms))]
    public async Task An_assertion_of_any_form_is_refused(string assertion)
    {
        using var form = new FormUrlEncodedContent([new("grant_type", LinkHttp.JwtBearerGrant), new("assertion", assertion)]);
        using var refused = await one.Host.Client.PostAsync(LinkHttp.TokenPath, form);
        await refused.ErrorAsync(401);
    }

    [Theory, MemberData(nameof(Forms))]
    public async Task An_access_token_of_any_form_is_refused(string token)
    {
        if (token.Any(c => c > '~'))
            return;
        using var request = new HttpRequestMessage(HttpMethod.Post, LinkHttp.UninstallPath);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var refused = await one.Host.Client.SendAsync(request);
        await refused.ErrorAsync(401);
    }
}
