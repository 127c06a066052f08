using System.Net;
using Halo.Link.Files;
using Halo.LinkProtocol.Enrolment;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Halo.Link.Transport;

/// <summary>The Link's access token: had by a signed assertion, used while it is good, never written to disk.</summary>
sealed class AccessTokens(LinkHttpClient api, string apiAddress, Guid linkId, LinkKey key, Random random, TimeProvider time) : IDisposable
{
    /// <summary>How long a just enrolled Link is patient with nodes that have not heard of it yet.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Not used for a new session when it has less than this left.</summary>
    static readonly TimeSpan Spare = TimeSpan.FromSeconds(60);

    /// <summary>Seconds. Whatever the API says of a token's life, the Link neither asks again and again nor keeps one for ever.</summary>
    const int ShortestLife = 1, LongestLife = 24 * 60 * 60;

    readonly SemaphoreSlim _one = new(1, 1);
    readonly SigningCredentials _credentials = new(new ECDsaSecurityKey(key.Key), SecurityAlgorithms.EcdsaSha256)
    {
        // Its cache keeps signature providers of keys that were disposed.
        CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false },
    };
    string? _token;
    long _since;
    TimeSpan _lifetime;

    /// <summary>When the token should be replaced on an open session: two thirds of its life after it was had.</summary>
    public TimeSpan RenewIn
    {
        get
        {
            var left = _lifetime * 2 / 3 - time.GetElapsedTime(_since);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>The token in hand while it is good for a while, else a fresh one.</summary>
    /// <exception cref="ApiRefusedException">The API does not give one.</exception>
    public async ValueTask<string> GetAsync(CancellationToken stop)
    {
        await _one.WaitAsync(stop);
        try
        {
            // Short-lived ones (a test's, a cautious operator's) have no minute to spare: then half of their life.
            var spare = _lifetime / 2 < Spare ? _lifetime / 2 : Spare;
            if (_token is { } token && time.GetElapsedTime(_since) < _lifetime - spare)
                return token;
            return await AskAsync(stop);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>For uploads: the token in hand, or another one where the API has refused <paramref name="refused"/>.</summary>
    /// <exception cref="HttpRequestException">None can be had now.</exception>
    public async ValueTask<string> GetAsync(string? refused, CancellationToken stop)
    {
        if (refused is not null)
            Interlocked.CompareExchange(ref _token, null, refused);
        try
        {
            return await GetAsync(stop);
        }
        catch (ApiRefusedException e)
        {
            throw new HttpRequestException(e.Message, e, e.Status);
        }
    }

    /// <summary>A fresh token, whatever is in hand.</summary>
    public async Task<string> RenewAsync(CancellationToken stop)
    {
        await _one.WaitAsync(stop);
        try
        {
            return await AskAsync(stop);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Waits until the API gives a token to a Link that has just enrolled: another node may not have heard of it yet.</summary>
    public async Task WaitUntilKnownAsync(CancellationToken stop)
    {
        var since = time.GetTimestamp();
        var backoff = new Backoff(random, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(4));
        while (true)
        {
            try
            {
                await GetAsync(stop);
                return;
            }
            catch (ApiRefusedException e) when (IsRefusal(e) && time.GetElapsedTime(since) < Patience)
            {
                await Task.Delay(backoff.Next(), time, stop);
            }
        }
    }

    /// <summary>The API refused the token in hand.</summary>
    public void Forget() => _token = null;

    /// <summary>Whether the API does not trust the Link, rather than being unwell.</summary>
    public static bool IsRefusal(ApiRefusedException e) =>
        e.ByApi && e.Status is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    public void Dispose() => _one.Dispose();

    async Task<string> AskAsync(CancellationToken stop)
    {
        var nonce = await api.NonceAsync(stop);
        var asked = time.GetTimestamp();
        var response = await api.TokenAsync(Assertion(nonce), stop);
        (_token, _since, _lifetime) = (response.AccessToken, asked, TimeSpan.FromSeconds(Math.Clamp(response.ExpiresIn, ShortestLife, LongestLife)));
        return response.AccessToken;
    }

    /// <summary>The nonce stands in place of times: the clinic's clock is not to be trusted, and the API's alone decides.</summary>
    string Assertion(string nonce) => new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
    {
        Issuer = linkId.ToString(),
        Audience = apiAddress,
        Claims = new Dictionary<string, object>
        {
            [JwtRegisteredClaimNames.Sub] = linkId.ToString(),
            [LinkHttp.NonceClaim] = nonce,
        },
        SigningCredentials = _credentials,
    });
}
