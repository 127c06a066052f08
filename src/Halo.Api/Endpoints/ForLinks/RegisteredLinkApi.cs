using System.Text.Json;
using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Queries.Registered;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Endpoints.ForLinks;

/// <summary>What Links ask and tell of registered queries.</summary>
static class RegisteredLinkApi
{
    /// <summary>Columns, an error, and what compression adds to rows that do not compress.</summary>
    const int BesideRows = 2 * 1024 * 1024;

    public static void MapRegisteredLinkApi(this IEndpointRouteBuilder routes)
    {
        var registered = routes.MapGroup(LinkHttp.RegisteredPath).ExcludeFromDescription();
        registered.MapGet("", ListAsync);
        registered.MapGet("/{id:guid}", FindAsync);
        registered.MapPut("/{id:guid}/report", TakeAsync);
    }

    static async Task<IResult> ListAsync(HttpContext http, LinkTokens tokens, RegisteredReports reports) =>
        await tokens.CheckAsync(http.Request.Headers.Authorization) is { } access
            ? TypedResults.Json(await reports.ListAsync(access.LinkId), ProtocolJson.Default.RegisteredList)
            : NotTrusted.ToResult();

    static async Task<IResult> FindAsync(HttpContext http, Guid id, LinkTokens tokens, RegisteredReports reports)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        return await reports.FindAsync(access.LinkId, id) is { } query ? TypedResults.Json(query, ProtocolJson.Default.RegisteredDefinition) : Gone.ToResult();
    }

    static async Task<IResult> TakeAsync(HttpContext http, Guid id, LinkTokens tokens, LinkDirectory links, RequestBodies bodies, RegisteredReports reports, QueryLimits limits)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        var (body, tooLarge) = await bodies.ReadAsync(http, limits.RegisteredResultBytes + BesideRows);
        if (body is null)
            return tooLarge!.ToResult();
        if (!AnswerPayload.TryRead(body.Value, out var head, out var rows) || Read(head) is not { Counts: { Succeeded: >= 0, Failed: >= 0 } } report)
            return Refusal.Invalid("body", "is no report.").ToResult();
        // Revoked while the rows came.
        if (links.Find(access.LinkId) is not { Status: LinkStatus.Enrolled })
            return NotTrusted.ToResult();
        var (ack, refusal) = await reports.TakeAsync(access.LinkId, id, report, rows, http.RequestAborted);
        return refusal?.ToResult() ?? (ack is null ? Gone.ToResult() : TypedResults.Json(ack, ProtocolJson.Default.RegisteredAck));
    }

    static RegisteredReport? Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json.Span, ProtocolJson.Default.RegisteredReport);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static readonly Refusal NotTrusted =
        new(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.");

    static readonly Refusal Gone = new(410, ErrorCodes.Gone, "This registered query has ended, or is not at one of this Link's sites. Forget it.");
}
