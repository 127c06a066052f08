using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Integrators;

/// <summary>Turns the subscription key of every integrator call into the integrator.</summary>
sealed class IntegratorAuthentication(RequestDelegate next, IntegratorDirectory directory, RateLimits rates)
{
    public Task InvokeAsync(HttpContext http)
    {
        var key = http.Request.Headers[SubscriptionKey.Header].ToString();
        if (key.Length == 0)
        {
            return new Refusal(401, ErrorCodes.KeyMissing,
                $"The subscription key is missing: send it in the header {SubscriptionKey.Header}.").ExecuteAsync(http);
        }
        if (directory.Authenticate(key) is not { } integrator)
        {
            return new Refusal(401, ErrorCodes.KeyInvalid,
                "The subscription key is unknown or revoked. Ask the operator of this service for a valid one.").ExecuteAsync(http);
        }
        if (!integrator.Enabled)
        {
            return new Refusal(403, ErrorCodes.IntegratorDisabled,
                "This integrator is disabled. Ask the operator of this service.").ExecuteAsync(http);
        }
        if (!integrator.Rules.Allows(http.Connection.RemoteIpAddress))
            return new Refusal(403, ErrorCodes.AddressNotAllowed, "Caller IP not allowed").ExecuteAsync(http);
        if (rates.Take(integrator) is { } tooFast)
            return tooFast.ExecuteAsync(http);
        http.Features.Set(integrator);
        return next(http);
    }
}

/// <summary>The caller of an integrator route.</summary>
static class IntegratorContext
{
    /// <summary>Who calls; the route stands behind <see cref="IntegratorAuthentication"/>.</summary>
    public static Integrator Integrator(this HttpContext http) =>
        http.Features.Get<Integrator>() ?? throw new InvalidOperationException("An integrator route stands outside the authentication.");
}
