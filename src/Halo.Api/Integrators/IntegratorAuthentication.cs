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
        var caller = new IntegratorCaller(directory, key, http.Connection.RemoteIpAddress);
        var (integrator, refusal) = caller.Find();
        if (integrator is null)
            return refusal!.ExecuteAsync(http);
        caller.RecordUse();
        if (rates.Take(integrator) is { } tooFast)
            return tooFast.ExecuteAsync(http);
        http.Features.Set(caller);
        return next(http);
    }
}
