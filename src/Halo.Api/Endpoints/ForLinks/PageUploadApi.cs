using Halo.Api.Basics;
using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links;
using Halo.Api.Results.Pages;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Enrolment;

namespace Halo.Api.Endpoints.ForLinks;

/// <summary>Takes pages from Links. 200 means: the page, then its row in the manifest, are durable.</summary>
static class PageUploadApi
{
    // A page is one row at the least, and a row may be large; what a Link may send at once is bounded all the same.
    const long MaxPageBytes = 2L * 1024 * 1024 * 1024;

    public static void MapPageUploadApi(this IEndpointRouteBuilder routes) =>
        routes.MapPut("/link/v1/queries/{queryId:guid}/pages/{pageNumber:int:min(1)}", PutAsync)
            .WithMetadata(new PageSizeLimit(MaxPageBytes)).ExcludeFromDescription();

    static async Task<IResult> PutAsync(
        HttpContext http, Guid queryId, int pageNumber, LinkTokens tokens, LinkDirectory links, PageManifest manifest, IPageStore pages, PageIntake intake, FreeSpace disk)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
            return NotTrusted.ToResult();
        var (page, invalid) = PageHeaders.Read(http.Request);
        if (page is null)
            return invalid!.ToResult();
        if (await manifest.KeyForUploadAsync(access.LinkId, queryId, page.ClaimId) is not { } key)
            return Settled().ToResult();
        disk.DemandForPage(http.Request.ContentLength ?? 0);
        if (!intake.TryEnter(access.LinkId))
            return TooManyUploads.ToResult();
        StoredPage stored;
        try
        {
            using var check = intake.Begin(page.JsonSize, page.RowCount);
            stored = await pages.WriteAsync(key, pageNumber, http.Request.Body, page.Digest, http.RequestAborted, check);
        }
        finally
        {
            intake.Leave(access.LinkId);
        }
        if (stored.Fault is { } fault)
            return Refusal.Invalid("body", $"{fault}.").ToResult();
        if (!stored.IsStored)
            return new Refusal(422, ErrorCodes.PageDamaged, "Content-Digest does not fit the body: the page was damaged on the way. Send it again.").ToResult();
        // Revoked while the page came. A token that ran out meanwhile was good when the upload began: over a slow uplink it takes longer than a token lives.
        if (links.Find(access.LinkId) is not { Status: LinkStatus.Enrolled })
            return NotTrusted.ToResult();
        var (added, leftOver) = await manifest.AddAsync(page.ClaimId,
            new PageRow(queryId, pageNumber, page.RowStart, page.RowCount, page.JsonSize, stored.Length, stored.Digest));
        if (leftOver == LeftOverPages.All)
            await pages.DeleteAsync(queryId, CancellationToken.None);
        else if (leftOver == LeftOverPages.ThisPage)
            await pages.DeletePageAsync(queryId, pageNumber, stored.Digest, CancellationToken.None);
        if (added == AddPageResult.Added)
            Telemetry.PageStored(stored.Length);
        return added switch
        {
            AddPageResult.Added or AddPageResult.AlreadyThere => TypedResults.Ok(),
            AddPageResult.Different => new Refusal(409, ErrorCodes.Conflict, $"Another page {pageNumber} of this query is stored already.").ToResult(),
            _ => Settled().ToResult(),
        };
    }

    static readonly Refusal NotTrusted =
        new(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.");

    static readonly Refusal TooManyUploads = new(503, ErrorCodes.ServiceUnavailable, "This Link uploads as many pages at once as it may. Try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    };

    static Refusal Settled() => new(409, ErrorCodes.Gone, "The query is not this claim's, or is settled. Drop it.");

    /// <summary>Lifts the general body limit for this route.</summary>
    sealed class PageSizeLimit(long bytes) : Microsoft.AspNetCore.Http.Metadata.IRequestSizeLimitMetadata
    {
        public long? MaxRequestBodySize { get; } = bytes;
    }
}

/// <summary>What a Link says of a page.</summary>
/// <param name="ClaimId">The claim under which it is delivered.</param>
/// <param name="Digest">SHA-256 of the compressed bytes, base64.</param>
/// <param name="RowStart">Index of its first row.</param>
/// <param name="RowCount">Rows in it.</param>
/// <param name="JsonSize">Bytes of its JSON.</param>
sealed record PageHeaders(Guid ClaimId, string Digest, long RowStart, long RowCount, long JsonSize)
{
    /// <summary>Bytes of JSON that a page may have: one row may be long.</summary>
    const long MaxJsonBytes = 4L * 1024 * 1024 * 1024;

    public static (PageHeaders? Headers, Refusal? Refusal) Read(HttpRequest request)
    {
        var faults = new List<FieldError>();
        var claim = Guid.Empty;
        if (!Guid.TryParse(request.Headers[LinkHttp.ClaimHeader], out claim))
            faults.Add(new(LinkHttp.ClaimHeader, "must be the id of the claim."));
        if (request.Headers.ContentEncoding != "br")
            faults.Add(new("Content-Encoding", "must be br."));
        const string prefix = "sha-256=:";
        var digest = request.Headers["Content-Digest"].ToString();
        if (digest.Length != prefix.Length + 45 || !digest.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) || digest[^1] != ':')
            faults.Add(new("Content-Digest", "must be sha-256=:<base64>: of the compressed bytes."));
        var start = Whole(LinkHttp.RowsStartHeader);
        var count = Whole(LinkHttp.RowsCountHeader);
        var size = Whole(LinkHttp.SizeHeader, MaxJsonBytes);
        return faults.Count > 0 ? (null, Refusal.Invalid(faults)) : (new(claim, digest[prefix.Length..^1], start, count, size), null);

        long Whole(string name, long most = long.MaxValue / 2)
        {
            if (!long.TryParse(request.Headers[name], out var value) || value < 0 || value > most)
                faults.Add(new(name, $"must be a whole number from 0 to {most}."));
            return value;
        }
    }
}
