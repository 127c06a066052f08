using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Results;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Reading the pages of async queries.</summary>
static class ResultsApi
{
    /// <summary>The query parameter that chooses among the results of a batch.</summary>
    public const string ResultParameter = "result";

    /// <summary>By what the answers here differ.</summary>
    public const string Vary = "Accept, Accept-Encoding, Halo-Integers";

    public static void MapResultsApi(this IEndpointRouteBuilder routes)
    {
        var results = routes.MapGroup("/integrator/sites/{siteId}/queries/{queryId}/results").WithTags("Results");
        results.MapGet("", GetWholeAsync).DescribeWhole();
        results.MapDelete("", async (HttpContext http, string siteId, string queryId, ResultRemoval removal) =>
            await removal.RemoveAsync(http.Caller(), siteId, queryId) is { } refusal ? refusal.ToResult() : TypedResults.NoContent()).DescribeRemoval();
        results.MapGet("/{pageNumber}", GetPageAsync).DescribePage();
        results.MapGet("/{pageNumber}/stream", StreamPageAsync).DescribeStream();
    }

    static async Task<IResult> GetWholeAsync(HttpContext http, string siteId, string queryId, ResultReader reader, StoredResponseWriter writer)
    {
        var (wanted, unknown) = ResponseFormat.Read(http.Request);
        if (wanted is null)
            return unknown!.ToResult();
        using var held = reader.Hold(queryId);
        var (query, refusal) = await reader.FindWholeAsync(http.Caller(), siteId, queryId);
        if (query is null)
            return refusal!.ToResult();
        var (result, unclear) = WholeResult.Of(query, http.Request.Query[ResultParameter].ToString());
        return result is null ? unclear!.ToResult() : await writer.SendAsync(http, result, wanted);
    }

    static async Task<IResult> GetPageAsync(HttpContext http, string siteId, string queryId, string pageNumber, ResultReader reader)
    {
        var (integersAsText, badHeader) = ResponseFormat.ReadIntegers(http.Request);
        if (badHeader is not null)
            return badHeader.ToResult();
        var (page, refusal) = await reader.OpenAsync(http.Caller(), siteId, queryId, pageNumber, http.RequestAborted);
        if (page is null)
            return refusal!.ToResult();
        await using (page)
        {
            using var rewritten = integersAsText && RowForms.HasLargeIntegers(page.Columns) && page.Row.JsonSize <= ResultOptions.Base64PageBytes
                ? await RewriteAsync(page, http.RequestAborted)
                : null;
            if (page.Row.JsonSize > ResultOptions.Base64PageBytes)
            {
                return new Refusal(413, ErrorCodes.ResultTooLarge,
                    $"Page {page.Row.PageNumber} has {page.Row.JsonSize} bytes: read it from …/results/{page.Row.PageNumber}/stream.").ToResult();
            }
            WriteRowHeaders(http.Response, page, rewritten?.Output.Length ?? page.Row.JsonSize);
            http.Response.ContentType = "application/json; charset=utf-8";
            var body = http.Response.BodyWriter;
            body.Write("{\"data\":\""u8);
            await using (Stream rows = rewritten is null ? new BrotliStream(page.Stored, CompressionMode.Decompress) : rewritten.Output.OpenRead())
                await Base64Body.CopyAsync(rows, body, http.RequestAborted);
            body.Write("\",\"parameters\":"u8);
            body.Write(JsonSerializer.SerializeToUtf8Bytes(ParametersOf(page), HaloJson.Default.IReadOnlyListOutputParameter));
            body.Write("}"u8);
            await body.FlushAsync();
            return TypedResults.Empty;
        }
    }

    static async Task<IResult> StreamPageAsync(HttpContext http, string siteId, string queryId, string pageNumber, ResultReader reader, StoredResponseWriter writer)
    {
        var (integersAsText, badHeader) = ResponseFormat.ReadIntegers(http.Request);
        if (badHeader is not null)
            return badHeader.ToResult();
        var (page, refusal) = await reader.OpenAsync(http.Caller(), siteId, queryId, pageNumber, http.RequestAborted);
        if (page is null)
            return refusal!.ToResult();
        if (integersAsText && RowForms.HasLargeIntegers(page.Columns))
        {
            // Rewritten as it is read: its size is not known before its end, and no stored coding fits.
            WriteRowHeaders(http.Response, page, size: null);
            await using (page)
                return await writer.SendAsync(http, new(page.Query, page.Columns ?? [], [page.Row]), new ResponseFormat(null, true), [page]);
        }
        WriteRowHeaders(http.Response, page, page.Row.JsonSize);
        http.Response.Headers.Vary = Vary;
        var coding = PageCoding.Choose(http.Request.Headers.AcceptEncoding);
        var tag = new EntityTagHeaderValue($"\"{page.Row.Digest.TrimEnd('=')}-{coding}\"");
        if (coding == PageCoding.Brotli)
        {
            http.Response.Headers.ContentEncoding = coding;
            // Content-Digest is of what is sent; beside a part of it, the digest of the whole is Repr-Digest (RFC 9530).
            http.Response.OnStarting(() =>
            {
                if (http.Response.StatusCode is 200 or 206)
                    http.Response.Headers[http.Response.StatusCode == 200 ? "Content-Digest" : "Repr-Digest"] = $"sha-256=:{page.Row.Digest}:";
                return Task.CompletedTask;
            });
            return TypedResults.Stream(page.Stored, "application/json", entityTag: tag, enableRangeProcessing: true);
        }
        var rows = new BrotliStream(page.Stored, CompressionMode.Decompress);
        if (coding == PageCoding.Identity)
            return TypedResults.Stream(rows, "application/json", entityTag: tag);
        http.Response.Headers.ContentEncoding = coding;
        // Whoever has it already is answered without the rows being read.
        http.Response.RegisterForDisposeAsync(rows);
        return TypedResults.Stream(async body =>
        {
            await using var gzip = new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true);
            await rows.CopyToAsync(gzip, http.RequestAborted);
        }, "application/json", entityTag: tag);
    }

    static IReadOnlyList<OutputParameter> ParametersOf(OpenPage page) =>
        page.Query.ParametersOf(page.Row.PageNumber) ?? [];

    static async Task<IRowTranscoder> RewriteAsync(OpenPage page, CancellationToken stop)
    {
        var transcoder = RowForm.Array.To(page.Columns!, integersAsText: true);
        await foreach (var piece in page.ReadAsync(stop))
            transcoder.Add(piece.Span);
        transcoder.EndArray();
        transcoder.EndDocument();
        return transcoder;
    }

    static void WriteRowHeaders(HttpResponse response, OpenPage page, long? size)
    {
        var row = page.Row;
        if (size is { } bytes)
            response.Headers["Size"] = bytes.ToString(CultureInfo.InvariantCulture);
        response.Headers["Rows-Count"] = row.RowCount.ToString(CultureInfo.InvariantCulture);
        if (row.RowCount == 0)
            return;
        response.Headers["Rows-Range-Start"] = row.RowStart.ToString(CultureInfo.InvariantCulture);
        response.Headers["Rows-Range-End"] = (row.RowStart + row.RowCount - 1).ToString(CultureInfo.InvariantCulture);
    }
}
