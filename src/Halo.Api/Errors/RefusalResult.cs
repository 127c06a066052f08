using System.Globalization;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Api.Errors;

/// <summary>A refusal as an HTTP response.</summary>
sealed class RefusalResult(Refusal refusal) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (refusal.Code is ErrorCodes.QueueFull or ErrorCodes.StorageFull)
            Telemetry.Refused(refusal.Code);
        var response = httpContext.Response;
        response.StatusCode = refusal.Status;
        response.ContentType = "application/json; charset=utf-8";
        if (refusal.RetryAfter is { } wait)
            response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var body = JsonSerializer.SerializeToUtf8Bytes(new ErrorResponse(refusal.ToError()), HaloJson.Default.ErrorResponse);
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body).AsTask();
    }
}

/// <summary>Turns refusals into responses, at the edge of the service.</summary>
static class RefusalResults
{
    /// <summary>What an endpoint returns.</summary>
    public static IResult ToResult(this Refusal refusal) => new RefusalResult(refusal);

    /// <summary>Writes it at once, as a middleware does.</summary>
    public static Task ExecuteAsync(this Refusal refusal, HttpContext http) => new RefusalResult(refusal).ExecuteAsync(http);
}
