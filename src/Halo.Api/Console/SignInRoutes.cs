using Halo.Api.Basics;
using Halo.Api.Console.Gate;
using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;
using Halo.Api.Operators;
using Halo.Api.Operators.Sessions;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Console;

/// <summary>Signing in with an operator's key or the admin key, and out.</summary>
static class SignInRoutes
{
    public static void MapSignIn(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(ConsolePaths.SignIn, Show).WithMetadata(OpenToAll.Instance);
        routes.MapPost(ConsolePaths.SignIn, SignInAsync).WithMetadata(OpenToAll.Instance);
        routes.MapPost(ConsolePaths.SignOut, SignOutAsync).RequireRole(OperatorRole.Viewer);
        routes.MapGet(ConsolePaths.Profile, () => Page.Of<ProfilePage>());
    }

    static IResult Show(HttpContext http)
    {
        var to = ConsolePaths.Safe(http.Request.Query["to"]);
        return http.Features.Get<ConsoleSession>() is null ? Page.Of<SignInPage>(new { To = to }) : Page.Next(to);
    }

    static async Task<IResult> SignInAsync(HttpContext http, AdminKey adminKey, OperatorDirectory operators, WrongKeyLimiter limiter, AdminCallLog log, ConsoleSessions sessions, TimeProvider time)
    {
        var (key, to) = (http.Form()["key"], ConsolePaths.Safe(http.Form()["to"]));
        // The cookie would be kept without Secure.
        if (!http.Request.IsHttps && http.Request.Headers.Origin.ToString().StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            return Again("The proxy before this service does not say that the browser uses HTTPS. Name the proxy in the setting Halo:TrustedProxies, and let it send X-Forwarded-Proto.", 400);
        if (key is null)
            return Again("Enter your key.", 400);
        Operator? known = null;
        if (!adminKey.Is(key))
        {
            known = operators.Authenticate(key);
            if (known is null)
            {
                log.Wrong(http.Connection.RemoteIpAddress);
                return limiter.Count(http.Connection.RemoteIpAddress) is null
                    ? Again("This key is wrong, or was revoked. Ask an owner for a valid one.", 401)
                    : Again("Too many wrong keys from this address; wait a minute. The right key is accepted at any time.", 429);
            }
            if (known.HasExpired(time.GetUtcNow()))
            {
                log.Expired(known, http.Connection.RemoteIpAddress);
                return Again($"This key expired on {Words.At(known.ExpiresAt!.Value)}. Ask an owner for a new one.", 401);
            }
            operators.RecordUse(known, http.Connection.RemoteIpAddress);
        }
        else
            log.AdminKeyUsed(http.Connection.RemoteIpAddress, operators.HasAny);
        var deed = new OperatorDeed(known?.Id, known?.Name, AddressRange.Text(http.Connection.RemoteIpAddress));
        // Whatever session the browser had before ends: it may be another's, or somebody may have put it there.
        if (http.Features.Get<ConsoleSession>() is { } before)
            await sessions.EndAsync(before, new(before.OperatorId, before.OperatorId is { } id ? operators.Find(id)?.Name : null, deed.Address));
        ConsoleCookie.Write(http, await sessions.BeginAsync(known, deed));
        return Page.Next(to);

        IResult Again(string fault, int status) => Page.Of<SignInPage>(new { To = to, Fault = fault }, status);
    }

    static async Task<IResult> SignOutAsync(HttpContext http, ConsoleSessions sessions)
    {
        await sessions.EndAsync(http.Features.Get<ConsoleSession>()!, http.Deed());
        ConsoleCookie.Remove(http);
        return Page.Next(ConsolePaths.SignIn);
    }
}
