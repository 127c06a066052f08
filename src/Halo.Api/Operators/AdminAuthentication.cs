using Halo.Api.Errors;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Operators;

/// <summary>Lets operators in, as far as their role goes, and slows down whoever guesses their keys.</summary>
sealed class AdminAuthentication(RequestDelegate next, AdminKey key, OperatorDirectory operators, WrongKeyLimiter limiter, TimeProvider time)
{
    public Task InvokeAsync(HttpContext http)
    {
        var given = http.Request.Headers[AdminKey.Header].ToString();
        if (given.Length == 0)
        {
            return new Refusal(401, ErrorCodes.KeyMissing,
                $"The key is missing: send your own, or the admin key, in the header {AdminKey.Header}. The service's log says where the admin key stands.").ExecuteAsync(http);
        }
        return key.Is(given) ? AdmitAsync(http, new OperatorCaller(null, OperatorRole.Owner, null))
            : operators.Authenticate(given) is { } known ? AdmitAsync(http, known)
            : Wrong(http, limiter, $"The key in the header {AdminKey.Header} is wrong, or was revoked. The service's log says where the admin key stands.").ExecuteAsync(http);
    }

    Task AdmitAsync(HttpContext http, Operator known)
    {
        if (known.ExpiresAt is { } end && end <= time.GetUtcNow())
            return new Refusal(401, ErrorCodes.KeyInvalid, $"This key expired at {end:u}. Ask an owner for a new one.").ExecuteAsync(http);
        operators.Note(known, http.Connection.RemoteIpAddress?.ToString());
        return AdmitAsync(http, new OperatorCaller(known.Name, known.Role, known.ExpiresAt));
    }

    Task AdmitAsync(HttpContext http, OperatorCaller caller)
    {
        var needed = NeededRole.Of(http);
        if (caller.Role < needed)
        {
            return new Refusal(403, ErrorCodes.RoleTooLow,
                $"This call is for the role {Word(needed)}, and yours is {Word(caller.Role)}. Ask somebody who has it, or an owner to give you another key.").ExecuteAsync(http);
        }
        http.Features.Set(caller);
        return next(http);
    }

    /// <summary>What the caller with a wrong key is told: 401, or 429 after too many.</summary>
    public static Refusal Wrong(HttpContext http, WrongKeyLimiter limiter, string message) => limiter.Count(http.Connection.RemoteIpAddress) is { } wait
        ? new Refusal(429, ErrorCodes.TooManyRequests, "Too many wrong keys from this address; wait a minute. The right key is accepted at any time.") { RetryAfter = wait }
        : new Refusal(401, ErrorCodes.KeyInvalid, message);

    static string Word(OperatorRole role) => role.ToString().ToLowerInvariant();
}
