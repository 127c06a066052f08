using System.Security.Claims;
using System.Security.Cryptography;
using Halo.LinkProtocol.Enrolment;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Halo.Api.Links;

/// <summary>Access for Links: ten-minute tokens for a signed assertion over a nonce of ours, checked against revocation on every use.</summary>
sealed class LinkTokens(LinkDirectory links, Nonces nonces, SigningKeys signing, TimeProvider time)
{
    /// <summary>How long a token lives.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    const string Audience = "halo-link";
    static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>The token for an assertion (RFC 7523), or null where it is not to be trusted.</summary>
    /// <param name="assertion">ES256 by the Link's key; <c>iss</c> and <c>sub</c> its id, <c>aud</c> this service, <c>nonce</c> one of ours.</param>
    /// <param name="audiences">The addresses under which this service may be meant.</param>
    public async Task<TokenResponse?> GrantAsync(string assertion, IReadOnlyCollection<string> audiences)
    {
        if (!Guid.TryParse(IssuerOf(assertion), out var linkId) || links.Find(linkId) is not { Status: LinkStatus.Enrolled } link)
            return null;
        using var key = ECDsa.Create(LinkKey.Parameters(link.PublicKeyX, link.PublicKeyY));
        var result = await Handler.ValidateTokenAsync(assertion, new TokenValidationParameters
        {
            IssuerSigningKey = new ECDsaSecurityKey(key) { CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } },
            ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
            ValidIssuer = linkId.ToString(),
            ValidAudiences = audiences,
            ValidateIssuer = true,
            // The clinic's clock counts for nothing: the nonce says when.
            ValidateLifetime = false,
        });
        if (!result.IsValid || result.ClaimsIdentity.FindFirst("sub")?.Value != linkId.ToString()
            || result.ClaimsIdentity.FindFirst(LinkHttp.NonceClaim)?.Value is not { } nonce || !await nonces.ConsumeAsync(nonce))
            return null;
        await signing.KeepFreshAsync();
        return new TokenResponse(Create(linkId), "Bearer", (int)Life.TotalSeconds);
    }

    /// <summary>The Link behind a token, and until when; null where it is not, or no longer, to be trusted.</summary>
    public async Task<(Guid LinkId, DateTimeOffset Until)?> CheckAsync(string? authorization)
    {
        const string scheme = "Bearer ";
        if (authorization is null || !authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return null;
        var token = authorization[scheme.Length..];
        var result = await ValidateAsync(token);
        if (result.Exception is SecurityTokenInvalidSignatureException && await signing.LookAgainAsync())
            result = await ValidateAsync(token);
        if (!result.IsValid || !Guid.TryParse(result.ClaimsIdentity.FindFirst("sub")?.Value, out var id)
            || links.Find(id) is not { Status: LinkStatus.Enrolled })
            return null;
        return (id, new DateTimeOffset(result.SecurityToken.ValidTo, TimeSpan.Zero));
    }

    Task<TokenValidationResult> ValidateAsync(string token) => Handler.ValidateTokenAsync(token, new TokenValidationParameters
    {
        IssuerSigningKeys = signing.Valid.Select(k => k.Key),
        ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
        ValidAudience = Audience,
        ValidateIssuer = false,
        LifetimeValidator = (_, expires, _, _) => expires is { } end && new DateTimeOffset(end, TimeSpan.Zero) > time.GetUtcNow(),
    });

    static string? IssuerOf(string assertion)
    {
        // Signed, as all of them are. Of encrypted ones, which have five parts, the library throws what it likes.
        if (assertion.AsSpan().Count('.') != 2)
            return null;
        try
        {
            return Handler.ReadJsonWebToken(assertion).Issuer;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or SecurityTokenException)
        {
            return null;
        }
    }

    /// <summary>A new token for a Link that is trusted.</summary>
    public string Create(Guid linkId)
    {
        var now = time.GetUtcNow();
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Subject = new ClaimsIdentity([new Claim("sub", linkId.ToString())]),
            Audience = Audience,
            IssuedAt = now.UtcDateTime,
            Expires = (now + Life).UtcDateTime,
            SigningCredentials = new SigningCredentials(signing.Current.Key, SecurityAlgorithms.HmacSha256),
        });
    }
}
