using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Updating;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Endpoints.ForLinks;

/// <summary>Which version a Link should run, and its bundle.</summary>
static class UpdateApi
{
    public static void MapUpdateApi(this IEndpointRouteBuilder routes)
    {
        var links = routes.MapGroup("").ExcludeFromDescription();
        links.MapGet(LinkHttp.UpdatePath, TellAsync);
        links.MapGet(LinkHttp.BundlePath, SendAsync);
    }

    static async Task<IResult> TellAsync(HttpContext http, string? turn, [FromQuery(Name = "version")] string? asked, LinkTokens tokens, LinkUpdates updates, UpdateTurns turns)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        var target = updates.MessageFor(access.LinkId);
        if (target.Version is { } version && version == asked && turn is LinkHttp.KeepTurn or LinkHttp.BeginTurn)
            target = target with { NotYet = !turns.Take(access.LinkId, version, turn) };
        return TypedResults.Json(target, ProtocolJson.Default.UpdateTarget);
    }

    /// <summary>The bundle that the Link is offered now, and no other: what was paused meanwhile is not sent on.</summary>
    static async Task<IResult> SendAsync(HttpContext http, LinkTokens tokens, LinkUpdates updates, BundleFiles files, BundleDownloads downloads)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        if (updates.TargetOf(access.LinkId) is not var (_, bundle) || files.Find(bundle.Digest) is not { } path)
            return Refusal.NotFound("There is no release for this Link now. GET /link/v1/update says when there is.").ToResult();
        if (downloads.TryEnter() is not { } place)
            return TooMany.ToResult();
        http.Response.RegisterForDispose(place);
        return TypedResults.PhysicalFile(path, "application/octet-stream", enableRangeProcessing: true, entityTag: new EntityTagHeaderValue($"\"{bundle.Digest}\""));
    }

    static readonly Refusal NotTrusted =
        new(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.");

    static readonly Refusal TooMany = new(503, ErrorCodes.ServiceUnavailable, "As many Links fetch a release at once as may (Halo:Updates:Downloads). Come again.")
    {
        RetryAfter = TimeSpan.FromSeconds(30),
    };
}

/// <summary>How many bundles are sent at once.</summary>
sealed class BundleDownloads(ApiOptions options)
{
    int _under;

    /// <returns>The place, until it is disposed; null: there is none.</returns>
    public IDisposable? TryEnter()
    {
        if (Interlocked.Increment(ref _under) <= options.Updates.Downloads)
            return new Place(this);
        Interlocked.Decrement(ref _under);
        return null;
    }

    sealed class Place(BundleDownloads downloads) : IDisposable
    {
        bool _left;

        public void Dispose()
        {
            if (!_left)
                Interlocked.Decrement(ref downloads._under);
            _left = true;
        }
    }
}
