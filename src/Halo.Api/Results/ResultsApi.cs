using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Results;

/// <summary>Reading the pages of async queries.</summary>
public static class ResultsApi
{
    public static void MapResultsApi(this IEndpointRouteBuilder routes)
    {
        var results = routes.MapGroup("/integrator/sites/{siteId}/queries/{queryId}/results").WithTags("Results");
        results.MapGet("/{pageNumber}", GetPageAsync).WithName("GetPage").WithSummary("One page, its rows in base64")
            .Produces<PageContent>().Produces<ErrorResponse>(400).Produces<ErrorResponse>(404).Produces<ErrorResponse>(410).Produces<ErrorResponse>(413);
        results.MapGet("/{pageNumber}/stream", StreamPageAsync).WithName("StreamPage").WithSummary("One page's JSON array itself, as stored where br is accepted")
            .Produces(200, contentType: "application/json").Produces(206).Produces(304).Produces<ErrorResponse>(404).Produces<ErrorResponse>(410);
    }

    static async Task<IResult> GetPageAsync(HttpContext http, string siteId, string queryId, string pageNumber, ResultReader reader)
    {
        var (page, refusal) = await reader.OpenAsync(http, siteId, queryId, pageNumber);
        if (page is null)
            return refusal!;
        await using (page)
        {
            if (page.Row.JsonSize > ResultOptions.Base64PageBytes)
            {
                return new Refusal(413, ErrorCodes.ResultTooLarge,
                    $"Page {page.Row.PageNumber} has {page.Row.JsonSize} bytes: read it from …/results/{page.Row.PageNumber}/stream.");
            }
            WriteRowHeaders(http.Response, page);
            http.Response.ContentType = "application/json; charset=utf-8";
            var body = http.Response.BodyWriter;
            body.Write("{\"data\":\""u8);
            await using (var rows = new BrotliStream(page.Stored, CompressionMode.Decompress))
                await Base64Body.CopyAsync(rows, body, http.RequestAborted);
            body.Write("\",\"parameters\":"u8);
            body.Write(JsonSerializer.SerializeToUtf8Bytes(ParametersOf(page), HaloJson.Default.IReadOnlyListOutputParameter));
            body.Write("}"u8);
            await body.FlushAsync();
            return TypedResults.Empty;
        }
    }

    static async Task<IResult> StreamPageAsync(HttpContext http, string siteId, string queryId, string pageNumber, ResultReader reader)
    {
        var (page, refusal) = await reader.OpenAsync(http, siteId, queryId, pageNumber);
        if (page is null)
            return refusal!;
        WriteRowHeaders(http.Response, page);
        http.Response.Headers.Vary = HeaderNames.AcceptEncoding;
        var coding = PageCoding.Choose(http.Request.Headers.AcceptEncoding);
        var tag = new EntityTagHeaderValue($"\"{page.Row.Digest.TrimEnd('=')}-{coding}\"");
        if (coding == PageCoding.Brotli)
        {
            http.Response.Headers.ContentEncoding = coding;
            http.Response.Headers["Content-Digest"] = $"sha-256=:{page.Row.Digest}:";
            return TypedResults.Stream(page.Stored, "application/json", entityTag: tag, enableRangeProcessing: true);
        }
        var rows = new BrotliStream(page.Stored, CompressionMode.Decompress);
        if (coding == PageCoding.Identity)
            return TypedResults.Stream(rows, "application/json", entityTag: tag);
        http.Response.Headers.ContentEncoding = coding;
        http.Response.Headers.ETag = tag.ToString();
        return TypedResults.Stream(async body =>
        {
            await using (rows)
            await using (var gzip = new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true))
                await rows.CopyToAsync(gzip, http.RequestAborted);
        }, "application/json");
    }

    static IReadOnlyList<OutputParameter> ParametersOf(OpenPage page) =>
        page.Query.Status == QueryStatus.Successful ? page.Query.Detail.Parameters ?? [] : [];

    static void WriteRowHeaders(HttpResponse response, OpenPage page)
    {
        var row = page.Row;
        response.Headers["Size"] = row.JsonSize.ToString(CultureInfo.InvariantCulture);
        response.Headers["Rows-Count"] = row.RowCount.ToString(CultureInfo.InvariantCulture);
        if (row.RowCount == 0)
            return;
        response.Headers["Rows-Range-Start"] = row.RowStart.ToString(CultureInfo.InvariantCulture);
        response.Headers["Rows-Range-End"] = (row.RowStart + row.RowCount - 1).ToString(CultureInfo.InvariantCulture);
    }
}
