using System.Text.Json;
using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Queries.Registered;
using Halo.Api.Results.Pages;
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

    /// <summary>More than one query makes in a thousand years.</summary>
    const long MostRuns = 1L << 40;

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

    static async Task<IResult> TakeAsync(
        HttpContext http, Guid id, LinkTokens tokens, LinkDirectory links, RequestBodies bodies, PageIntake intake, FreeSpace disk, RegisteredReports reports, QueryLimits limits)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        disk.DemandForPage(http.Request.ContentLength ?? 0);
        if (!intake.TryEnter(access.LinkId))
            return TooMany.ToResult();
        try
        {
            var (body, tooLarge) = await bodies.ReadAsync(http, limits.RegisteredResultBytes + BesideRows);
            if (body is null)
                return tooLarge!.ToResult();
            if (!AnswerPayload.TryRead(body.Value, out var head, out var rows) || Read(head) is not { } report || !IsSound(report))
                return Refusal.Invalid("body", "is no report.").ToResult();
            // Revoked while the rows came.
            if (links.Find(access.LinkId) is not { Status: LinkStatus.Enrolled })
                return NotTrusted.ToResult();
            var (ack, refusal) = await reports.TakeAsync(access.LinkId, id, report, rows, http.RequestAborted);
            return refusal?.ToResult() ?? (ack is null ? Gone.ToResult() : TypedResults.Json(ack, ProtocolJson.Default.RegisteredAck));
        }
        finally
        {
            intake.Leave(access.LinkId);
        }
    }

    /// <summary>Its numbers are kept and summed up: one that no Link can come to is none.</summary>
    static bool IsSound(RegisteredReport report) =>
        report.Counts is { Succeeded: >= 0 and < MostRuns, Failed: >= 0 and < MostRuns } && report.Size >= 0 && report.Rows >= 0 && report.Rows <= report.Size
        && (report.Hash is null || report.Hash.Length == 64 && report.Hash.All(char.IsAsciiHexDigitLower));

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

    static readonly Refusal TooMany = new(503, ErrorCodes.ServiceUnavailable, "This Link uploads as much at once as it may. Try again shortly.") { RetryAfter = TimeSpan.FromSeconds(5) };

    static readonly Refusal Gone = new(410, ErrorCodes.Gone, "This registered query has ended, or is not at one of this Link's sites. Forget it.");
}
