using System.Buffers.Text;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Fuzz;

/// <summary>A Link with a key that is trusted, and with nothing good in mind: what it signs is believed to be its own.</summary>
sealed class StrangeLink : IDisposable
{
    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    readonly HttpClient _http;

    StrangeLink(Uri api) => _http = new HttpClient { BaseAddress = api };

    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>For ten minutes.</summary>
    public string Token { get; private set; } = "";

    /// <summary>What it enrols with, before anybody spoils it.</summary>
    public string Enrolment => new JsonObject
    {
        ["linkId"] = Id,
        ["publicKey"] = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Coordinate(q => q.X!), ["y"] = Coordinate(q => q.Y!) },
        ["linkVersion"] = "26.1.1",
        ["machineId"] = "machine",
        ["host"] = new JsonObject { ["name"] = "host", ["operatingSystem"] = "Linux", ["processors"] = 2 },
        ["sites"] = new JsonArray(new JsonObject
        {
            ["id"] = Id,
            ["engine"] = "sqlite",
            ["practiceManagementName"] = "Strange",
            ["practiceManagementSiteId"] = "strange",
            ["practiceManagementVersion"] = "1",
            ["practiceName"] = "Strange Practice",
            ["catalogues"] = new JsonArray(new JsonObject { ["name"] = "a", ["isDefault"] = true }),
            ["databaseIdentity"] = "x",
            ["database"] = new JsonObject { ["status"] = "healthy", ["checkedAt"] = "2026-03-05T14:30:00.000Z", ["latencyMs"] = 1 },
        }),
    }.ToJsonString();

    public static async Task<StrangeLink> EnrolAsync(Uri api)
    {
        var link = new StrangeLink(api);
        var body = Encoding.UTF8.GetBytes(link.Enrolment);
        var nonce = await link.NonceAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "link/v1/enrol") { Content = new ByteArrayContent(body) };
        request.Headers.Add("Halo-Nonce", nonce);
        request.Headers.Add("Halo-Proof", link.Prove(nonce, body));
        using var enrolled = await link._http.SendAsync(request);
        Assert.True((int)enrolled.StatusCode == 201, await enrolled.Content.ReadAsStringAsync());
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ["assertion"] = link.Assertion(await link.NonceAsync(), api.ToString().TrimEnd('/')),
        });
        using var granted = await link._http.PostAsync(new Uri("link/v1/token", UriKind.Relative), form);
        var answer = await granted.Content.ReadAsStringAsync();
        Assert.True((int)granted.StatusCode == 200, answer);
        link.Token = JsonNode.Parse(answer)!["access_token"]!.GetValue<string>();
        return link;
    }

    public async Task<string> NonceAsync()
    {
        using var response = await _http.PostAsync(new Uri("link/v1/nonce", UriKind.Relative), null);
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!["nonce"]!.GetValue<string>();
    }

    /// <summary>Proof of possession for an enrolment's body.</summary>
    public string Prove(string nonce, byte[] body) => Sign([.. Encoding.ASCII.GetBytes(nonce), (byte)'\n', .. body]);

    public string Assertion(string nonce, string audience) => Signed(
        """{"alg":"ES256","typ":"JWT"}""", $$"""{"iss":"{{Id}}","sub":"{{Id}}","aud":"{{audience}}","nonce":"{{nonce}}"}""");

    /// <summary>A JWT of whatever is given.</summary>
    public string Signed(string header, string claims)
    {
        var signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Sign(Encoding.ASCII.GetBytes(signed))}";
    }

    public void Dispose()
    {
        _key.Dispose();
        _http.Dispose();
    }

    string Sign(byte[] data) => Base64Url.EncodeToString(_key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

    string Coordinate(Func<ECPoint, byte[]> part) => Base64Url.EncodeToString(part(_key.ExportParameters(false).Q));
}
