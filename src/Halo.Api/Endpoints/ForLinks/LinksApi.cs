using System.Text;
using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Api.Links.Sessions;
using Halo.Api.LinkSocket;
using Halo.Api.Sites.State;
using Halo.Api.Transport;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Microsoft.AspNetCore.WebUtilities;

namespace Halo.Api.Endpoints.ForLinks;

/// <summary>The HTTP calls of Links: nonce, enrolment, token, socket.</summary>
static class LinksApi
{
    const string FormType = "application/x-www-form-urlencoded";

    /// <summary>An assertion has less than a kilobyte.</summary>
    const int MaxFormBytes = 64 * 1024;

    public static void MapLinksApi(this IEndpointRouteBuilder routes)
    {
        var links = routes.MapGroup("").ExcludeFromDescription();
        links.MapPost(LinkHttp.NoncePath, (Nonces nonces) =>
            TypedResults.Json(new NonceResponse(nonces.Create()), ProtocolJson.Default.NonceResponse));
        links.MapPost(LinkHttp.EnrolPath, EnrolAsync);
        links.MapPost(LinkHttp.TokenPath, GrantAsync);
        links.MapPost(LinkHttp.UninstallPath, UninstallAsync);
        links.MapGet(LinkHttp.SocketPath, (HttpContext http, LinkEndpoint endpoint) => endpoint.ServeAsync(http));
    }

    static async Task<IResult> EnrolAsync(HttpContext http, Enrolment enrolment, PublicAddresses addresses)
    {
        var (body, tooLarge) = await RequestBodies.ReadSmallAsync(http, ProtocolLimits.MaxEnrolmentBytes);
        if (body is null)
            return tooLarge!.ToResult();
        var headers = http.Request.Headers;
        var (response, refusal) = await enrolment.EnrolAsync(headers[LinkHttp.NonceHeader].ToString(), headers[LinkHttp.ProofHeader].ToString(), body.Value.ToArray(), addresses.For(http), http.Connection.RemoteIpAddress?.ToString());
        if (response is null)
            return refusal!.ToResult();
        var waiting = response.Status == "waiting";
        if (waiting)
            http.Response.Headers.RetryAfter = "15";
        return TypedResults.Json(response, ProtocolJson.Default.EnrolResponse, statusCode: waiting ? 202 : 201);
    }

    static async Task<IResult> UninstallAsync(HttpContext http, LinkTokens tokens, LinkSessions sessions, SiteUninstaller uninstaller)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return new Refusal(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.").ToResult();
        // Until its sites are out no new session opens: one that does afterwards brings them back.
        using var locked = await sessions.LockAsync(access.LinkId);
        // One whose line has not noticed its end yet; a living one belongs to a Link that was started again.
        if (sessions.Find(access.LinkId) is { } session)
        {
            // Taken out first: its end is not told as one that came by itself.
            sessions.Close(session);
            await session.CloseAsync(LineCloseReason.Replaced);
        }
        await uninstaller.LinkAsync(access.LinkId);
        return TypedResults.NoContent();
    }

    static async Task<IResult> GrantAsync(HttpContext http, LinkTokens tokens, PublicAddresses addresses)
    {
        // HasFormContentType alone would let multipart through, too; the start alone a header that comes twice.
        if (!http.Request.HasFormContentType || http.Request.ContentType?.StartsWith(FormType, StringComparison.OrdinalIgnoreCase) != true)
            return Refusal.Invalid("Content-Type", $"must be {FormType}.").ToResult();
        // Whole, and not by the framework's reader of forms: that one leaves what it has looked at unread, and where the caller is gone the server stumbles over it.
        var (body, refusal) = await RequestBodies.ReadSmallAsync(http, MaxFormBytes);
        if (body is null)
            return refusal!.ToResult();
        FormCollection form;
        try
        {
            using var reader = new FormReader(Encoding.UTF8.GetString(body.Value.Span));
            form = new(reader.ReadForm());
        }
        catch (InvalidDataException)
        {
            return Refusal.Invalid("body", "is no form, or one with more or longer fields than grant_type and assertion need.").ToResult();
        }
        if (form["grant_type"] != LinkHttp.JwtBearerGrant)
            return Refusal.Invalid("grant_type", $"must be {LinkHttp.JwtBearerGrant}.").ToResult();
        return await tokens.GrantAsync(form["assertion"].ToString(), addresses.For(http)) is { } token
            ? TypedResults.Json(token, ProtocolJson.Default.TokenResponse)
            : new Refusal(401, ErrorCodes.LinkNotTrusted,
                "The assertion is not to be trusted: the Link is unknown, waiting or revoked, or signature, audience or nonce do not hold. "
                + "The audience is the address that the Link dials (its setting api); it must be one of this service's setting Halo:PublicAddress.").ToResult();
    }
}
