using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Operators;

/// <summary>Lets operators in, and slows down whoever guesses their key.</summary>
sealed class AdminAuthentication(RequestDelegate next, AdminKey key, WrongKeyLimiter limiter)
{
    public Task InvokeAsync(HttpContext http)
    {
        var given = http.Request.Headers[AdminKey.Header].ToString();
        if (given.Length == 0)
        {
            return new Refusal(401, ErrorCodes.KeyMissing,
                $"The admin key is missing: send it in the header {AdminKey.Header}. The service's log says where it stands.").ExecuteAsync(http);
        }
        return key.Is(given)
            ? next(http)
            : Wrong(http, limiter, $"The admin key in the header {AdminKey.Header} is wrong. The service's log says where the right one stands.").ExecuteAsync(http);
    }

    /// <summary>What the caller with a wrong key is told: 401, or 429 after too many.</summary>
    public static Refusal Wrong(HttpContext http, WrongKeyLimiter limiter, string message) => limiter.Count(http.Connection.RemoteIpAddress) is { } wait
        ? new Refusal(429, ErrorCodes.TooManyRequests, "Too many wrong keys from this address; wait a minute. The right key is accepted at any time.") { RetryAfter = wait }
        : new Refusal(401, ErrorCodes.KeyInvalid, message);
}
