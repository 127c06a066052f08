using System.Text.Json.Serialization;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Enrolment;

/// <summary>Routes, headers and words of the Link's HTTP calls.</summary>
public static class LinkHttp
{
    /// <summary>Gives a single-use nonce.</summary>
    public const string NoncePath = "/link/v1/nonce";

    /// <summary>Makes a Link known.</summary>
    public const string EnrolPath = "/link/v1/enrol";

    /// <summary>Gives an access token for a signed assertion.</summary>
    public const string TokenPath = "/link/v1/token";

    /// <summary>Says that the Link was uninstalled, with an access token; 204 when its sites are uninstalled.</summary>
    public const string UninstallPath = "/link/v1/uninstall";

    /// <summary>Opens a session.</summary>
    public const string SocketPath = "/link/v1/socket";

    /// <summary>Gives the list of what is registered at the Link's sites (<see cref="RegisteredList"/>).</summary>
    public const string RegisteredPath = "/link/v1/registered";

    /// <summary>Says which version the Link should run (<see cref="UpdateTarget"/>).</summary>
    public const string UpdatePath = "/link/v1/update";

    /// <summary>
    /// What a Link may ask of it besides, as <c>?turn=</c>, for the version that it names as <c>&amp;version=</c>: to keep its turn while it waits for its work to end; to begin,
    /// just before it switches. Where it is offered another by then, it is told that, and has no turn.
    /// </summary>
    public const string KeepTurn = "keep", BeginTurn = "begin";

    /// <summary>Gives the bundle of that version, also from somewhere in its middle (<c>Range</c>, <c>If-Range</c>).</summary>
    public const string BundlePath = "/link/v1/update/bundle";

    /// <summary>The nonce under an enrolment's proof.</summary>
    public const string NonceHeader = "Halo-Nonce";

    /// <summary>ES256 over nonce, line feed and body, as base64url of the 64 bytes r‖s: proof of possession of the key in the body.</summary>
    public const string ProofHeader = "Halo-Proof";

    /// <summary>The claim under which a page is delivered.</summary>
    public const string ClaimHeader = "Halo-Claim-Id";

    /// <summary>Index of a page's first row, from 0.</summary>
    public const string RowsStartHeader = "Rows-Range-Start";

    /// <summary>Rows in a page.</summary>
    public const string RowsCountHeader = "Rows-Count";

    /// <summary>Bytes of a page's JSON before compression.</summary>
    public const string SizeHeader = "Size";

    /// <summary>The grant of RFC 7523.</summary>
    public const string JwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    /// <summary>The claim of the assertion that holds the nonce.</summary>
    public const string NonceClaim = "nonce";

    /// <summary>The path to which a page is put.</summary>
    public static string PagePath(Guid queryId, int pageNumber) => $"/link/v1/queries/{queryId}/pages/{pageNumber}";

    /// <summary>Gives one registered query (<see cref="RegisteredDefinition"/>).</summary>
    public static string RegisteredPathOf(Guid id) => $"{RegisteredPath}/{id}";

    /// <summary>Takes what its runs gave: <see cref="RegisteredReport"/> and, where they changed, the rows (<see cref="Frames.AnswerPayload"/>).</summary>
    public static string RegisteredReportPath(Guid id) => $"{RegisteredPath}/{id}/report";

    /// <summary>The bytes that an enrolment's proof signs.</summary>
    public static byte[] ProofBytes(string nonce, ReadOnlySpan<byte> body) => [.. System.Text.Encoding.ASCII.GetBytes(nonce), (byte)'\n', .. body];
}

/// <summary>A single-use nonce.</summary>
/// <param name="Nonce">43 characters of base64url; valid for 60 s by the API's clock.</param>
public sealed record NonceResponse(string Nonce);

/// <summary>A Link makes itself known.</summary>
/// <param name="LinkId">The Link GUID, made by the Link.</param>
/// <param name="PublicKey">Its P-256 public key.</param>
/// <param name="LinkVersion"><c>YY.Mdd.build</c>.</param>
/// <param name="Sites">Every site it serves.</param>
public sealed record EnrolRequest(Guid LinkId, PublicKeyJwk PublicKey, string LinkVersion, IReadOnlyList<SiteDescription> Sites)
{
    /// <summary>An id of the machine that survives restarts but not cloning, where the system has one.</summary>
    public string? MachineId { get; init; }

    /// <summary>Facts about the machine, for the operator.</summary>
    public HostFacts? Host { get; init; }

    /// <summary>Given by the operator, where the API asks for one.</summary>
    public string? EnrolmentToken { get; init; }

    /// <summary>The address that the Link dials, without a slash at its end: under the proof, so that nobody can hand the enrolment on to another API. Older Links leave it out.</summary>
    public string? Api { get; init; }
}

/// <summary>A P-256 public key as a JSON Web Key (RFC 7517).</summary>
/// <param name="X">Base64url.</param>
/// <param name="Y">Base64url.</param>
public sealed record PublicKeyJwk(string X, string Y)
{
    /// <summary>Always <c>EC</c>.</summary>
    [JsonPropertyName("kty")]
    public string KeyType { get => field ?? ""; init; } = "EC";

    /// <summary>Always <c>P-256</c>.</summary>
    [JsonPropertyName("crv")]
    public string Curve { get => field ?? ""; init; } = "P-256";
}

/// <summary>Facts about a Link's machine.</summary>
/// <param name="Name">Host name.</param>
/// <param name="OperatingSystem">Name and version.</param>
/// <param name="Processors">How many.</param>
public sealed record HostFacts(string Name, string OperatingSystem, int Processors);

/// <summary>How an enrolment ended.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Status"><c>enrolled</c> (201) or <c>waiting</c> (202: ask again after <c>Retry-After</c>).</param>
/// <param name="Sites">What the API knows of each site.</param>
public sealed record EnrolResponse(Guid LinkId, string Status, IReadOnlyList<SiteNotice> Sites);

/// <summary>An access token (RFC 6749).</summary>
/// <param name="AccessToken">For <c>Authorization: Bearer</c>.</param>
/// <param name="TokenType">Always <c>Bearer</c>.</param>
/// <param name="ExpiresIn">Seconds.</param>
public sealed record TokenResponse(
    [property: JsonPropertyName("access_token")] string AccessToken,
    [property: JsonPropertyName("token_type")] string TokenType,
    [property: JsonPropertyName("expires_in")] int ExpiresIn);
