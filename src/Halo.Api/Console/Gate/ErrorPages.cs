using System.Diagnostics;
using System.Globalization;
using Halo.Api.Console.Parts;
using Halo.Api.Errors;
using Halo.Api.Operators;

namespace Halo.Api.Console.Gate;

/// <summary>Errors as pages of the console.</summary>
sealed class ErrorPages : IErrorPages
{
    /// <summary>Whether the request has passed the gate: before, nothing can have been done.</summary>
    public bool IsUnderWay { get; set; }

    public Task WriteAsync(HttpContext http, Refusal refusal)
    {
        var mayBeDone = refusal.MayBeDone && IsUnderWay;
        // A key that ended meanwhile has no menu.
        if (http.Features.Get<OperatorCaller>() is { IsValid: false })
            http.Features.Set<OperatorCaller>(null);
        if (refusal.RetryAfter is { } wait)
            http.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var (title, text) = refusal.Status switch
        {
            404 => ("Not found", refusal.Message),
            < 500 => ("Nothing was done", refusal.Message),
            503 when !mayBeDone => ("The service's own store cannot be used", "Nothing was done. Try again shortly."),
            503 => ("It is not known whether this was done", refusal.Message),
            _ => (mayBeDone ? "It is not known whether this was done" : "The service failed",
                $"{(mayBeDone ? "The service failed. Look how it is before you repeat it" : "A repeat may succeed")}; its log says more under the trace id {Activity.Current?.TraceId.ToHexString() ?? "of this moment"}."),
        };
        return Page.Message(refusal.Status, title, text).ExecuteAsync(http);
    }
}
