using System.Net;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Transport;

/// <summary>Plain HTTP is refused except on loopback: keys and patient data never cross a network in the clear.</summary>
sealed class TransportSecurity(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext http) =>
        http.Request.IsHttps || http.Connection.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote)
            ? next(http)
            : new Refusal(403, ErrorCodes.HttpsRequired, "This service answers over HTTPS only. Use its https address.").ExecuteAsync(http);
}
