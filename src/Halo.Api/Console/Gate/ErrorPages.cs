using Halo.Api.Console.Parts;
using Halo.Api.Errors;
using Halo.Api.Operators;

namespace Halo.Api.Console.Gate;

/// <summary>Errors as pages of the console.</summary>
sealed class ErrorPages : IErrorPages
{
    public static ErrorPages Instance { get; } = new();

    public Task WriteAsync(HttpContext http, Refusal refusal)
    {
        var mayBeDone = refusal.Status >= 500 && HttpMethods.IsPost(http.Request.Method);
        // A key that ended meanwhile has no menu.
        if (http.Features.Get<OperatorCaller>() is { IsValid: false })
            http.Features.Set<OperatorCaller>(null);
        if (refusal.RetryAfter is { } wait)
            http.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Page.Message(refusal.Status, refusal.Status == 404 ? "Not found" : mayBeDone ? "It is not known whether this was done" : refusal.Status >= 500 ? "The service failed" : "Nothing was done",
            mayBeDone ? $"{refusal.Message} Look whether it was done before you repeat it." : refusal.Message).ExecuteAsync(http);
    }
}
