using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Operators;

/// <summary>Lets operators in, as far as their role goes, and slows down whoever guesses their keys.</summary>
sealed class AdminAuthentication(RequestDelegate next, AdminKey key, OperatorDirectory operators, WrongKeyLimiter limiter, AdminCallLog log, TimeProvider time)
{
    public Task InvokeAsync(HttpContext http)
    {
        var (given, address) = (http.Request.Headers[AdminKey.Header].ToString(), http.Connection.RemoteIpAddress);
        if (given.Length == 0)
        {
            return new Refusal(401, ErrorCodes.KeyMissing,
                $"The key is missing: send yours, or the admin key, in the header {AdminKey.Header}. The service's log says where the admin key is.").ExecuteAsync(http);
        }
        Guid? id = null;
        if (!key.Is(given))
        {
            if (operators.Authenticate(given) is not { } known)
            {
                log.Wrong(address);
                return Wrong(http, limiter, $"The key in the header {AdminKey.Header} is wrong, or was revoked. Ask an owner for a valid one.").ExecuteAsync(http);
            }
            if (known.HasExpired(time.GetUtcNow()))
            {
                log.Expired(known, address);
                return new Refusal(401, ErrorCodes.KeyInvalid, $"This key expired at {known.ExpiresAt:u}. Ask an owner for a new one.").ExecuteAsync(http);
            }
            operators.RecordUse(known, address);
            id = known.Id;
        }
        else
            log.AdminKeyUsed(address, operators.HasAny);
        var caller = new OperatorCaller(operators, id, address);
        var needed = RequiredRole.Of(http);
        if (caller.Refuse(needed) is { } refusal)
        {
            log.RoleTooLow(caller.Current, needed, http);
            return refusal.ExecuteAsync(http);
        }
        http.Features.Set(caller);
        return next(http);
    }

    /// <summary>What the caller with a wrong key is told: 401, or 429 after too many.</summary>
    public static Refusal Wrong(HttpContext http, WrongKeyLimiter limiter, string message) => limiter.Count(http.Connection.RemoteIpAddress) is { } wait
        ? new Refusal(429, ErrorCodes.TooManyRequests, "Too many wrong keys from this address; wait a minute. The right key is accepted at any time.") { RetryAfter = wait }
        : new Refusal(401, ErrorCodes.KeyInvalid, message);
}
