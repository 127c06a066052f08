using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Registered;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Registered;
using Halo.Api.Results;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Endpoints.ForIntegrators.Registered;

/// <summary>Reading what registered queries gave: the newest result whole, and what changed from one to the next.</summary>
static class RegisteredResultsApi
{
    const string AfterParameter = "after";
    const int PieceBytes = 64 * 1024;

    public static void MapRegisteredResultsApi(this RouteGroupBuilder registered)
    {
        registered.MapGet("/{id}/results", GetAsync)
            .Says("GetRegisteredResult", "The newest result in one document", "Accept chooses the form; plain JSON has the rows in base64. The ETag is the result's hash.")
            .Takes(Inputs.Integers, Inputs.Formulas, Input.Header("If-None-Match", "The ETag that you have: 304 where it is the same."))
            .Answers(200, "The rows.", new RegisteredResult(Convert.ToBase64String("""[{"last_name":"Smith","visits":12}]"""u8), null, 1, 35), HaloJson.Default.RegisteredResult)
            .Sends(200, "ETag", "The result's hash.")
            .AnswersNothing(304, "You have this result.")
            .Refuses(404, ErrorCodes.NotFound, "There is no such registered query, or no result yet.")
            .Refuses(410, ErrorCodes.Gone, "It has ended, and its results are not kept any more.")
            .RefusesSite();
        registered.MapGet("/{id}/changes", ChangesAsync)
            .Says("GetRegisteredChanges", "What changed from one result to the next", "For those registered with changes; kept for 24 hours. A cursor that is not known any more answers all rows, with reset: true.")
            .Takes(Input.Text(AfterParameter, "The value of next from the answer before; absent: from the first.", "17"))
            .Answers(200, "Changes in order; none where nothing changed.",
                new RegisteredChangeList([new(Examples.At, false, [RowExample], [KeyExample], [])], "18"), HaloJson.Default.RegisteredChangeList)
            .Refuses(404, ErrorCodes.NotFound, "There is no such registered query.")
            .Refuses(409, ErrorCodes.Conflict, "It was registered without changes.")
            .Refuses(410, ErrorCodes.Gone, "It has ended, and its results are not kept any more.")
            .RefusesSite();
    }

    static JsonElement RowExample => JsonSerializer.Deserialize("""{"id":4711,"state":"arrived"}""", HaloJson.Default.JsonElement);

    static JsonElement KeyExample => JsonSerializer.Deserialize("""{"id":4709}""", HaloJson.Default.JsonElement);

    static async Task<IResult> GetAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredStore store, RegisteredResults results)
    {
        var (wanted, unknown) = ResponseFormat.Read(http.Request);
        if (wanted is null)
            return unknown!.ToResult();
        var (query, refusal) = await FindAsync(http, siteId, id, access, store, results);
        if (query is null)
            return refusal!.ToResult();
        if (query.LastHash is null)
            return Refusal.NotFound("This registered query has no result yet; lastErrorDetails says whether its runs fail.").ToResult();
        if (await results.NewestAsync(query) is not { } newest)
            return Gone.ToResult();
        var tag = new EntityTagHeaderValue($"\"{newest.Hash}\"");
        http.Response.Headers.ETag = tag.ToString();
        http.Response.Headers.Vary = ResultsApi.Vary;
        if (http.Request.GetTypedHeaders().IfNoneMatch.Any(t => t.Equals(EntityTagHeaderValue.Any) || t.Compare(tag, useStrongComparison: false)))
            return TypedResults.StatusCode(304);
        await using var rows = newest.OpenRead();
        if (wanted.Form is null && !(wanted.IntegersAsText && RowForms.HasLargeIntegers(newest.Columns)))
            return await WriteBase64Async(http, newest, rows, newest.Size);
        using var transcoder = (wanted.Form ?? RowForm.Array).To(newest.Columns, wanted.IntegersAsText);
        if (wanted.Form is { } form)
        {
            http.Response.ContentType = form.ContentType();
            await TranscodeAsync(rows, transcoder, http.Response.Body, http.RequestAborted);
            return TypedResults.Empty;
        }
        // How long it becomes is known when all of it is there.
        await TranscodeAsync(rows, transcoder, null, http.RequestAborted);
        return await WriteBase64Async(http, newest, transcoder.Output.OpenRead(), transcoder.Output.Length);
    }

    static async Task<IResult> WriteBase64Async(HttpContext http, NewestResult result, Stream rows, long size)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        var body = http.Response.BodyWriter;
        body.Write("{\"data\":\""u8);
        await Base64Body.CopyAsync(rows, body, http.RequestAborted);
        body.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\",\"parameters\":null,\"rows\":{result.Rows},\"size\":{size}}}")));
        await body.FlushAsync(http.RequestAborted);
        return TypedResults.Empty;
    }

    /// <param name="to">Null: all of it stays in the transcoder.</param>
    static async Task TranscodeAsync(Stream rows, IRowTranscoder transcoder, Stream? to, CancellationToken stop)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (await rows.ReadAsync(piece, stop) is > 0 and var read)
            {
                transcoder.Add(piece.AsSpan(0, read));
                await SendAsync();
            }
            transcoder.EndArray();
            transcoder.EndDocument();
            await SendAsync();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        async ValueTask SendAsync()
        {
            if (to is null)
                return;
            await to.WriteAsync(transcoder.Output.Written, stop);
            transcoder.Output.Clear();
        }
    }

    static async Task<IResult> ChangesAsync(HttpContext http, string siteId, string id, string? after, SiteAccess access, RegisteredStore store, RegisteredResults results)
    {
        var (query, refusal) = await FindAsync(http, siteId, id, access, store, results);
        if (query is null)
            return refusal!.ToResult();
        if (query.Key is null)
            return new Refusal(409, ErrorCodes.Conflict, "This query was registered without changes: register it with \"changes\": { \"key\": [\"id\"] }.").ToResult();
        var from = after is null ? 0 : int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        if (query.Delivered == 0)
            return await WriteAsync(http, [], 0);
        if (from >= 0 && await results.ChangesAsync(query, from) is { } changes)
        {
            // Where the first result does not count, a reader who begins stands behind it.
            var next = changes.Count > 0 ? changes[^1].Number : from == 0 ? query.Delivered : from;
            return await WriteAsync(http, [.. changes.Select(c => new Written(c.At, () => results.OpenRead(query, c)))], next);
        }
        return await results.NewestAsync(query) is { } newest
            ? await WriteAsync(http, [new(query.LastSucceededAt ?? query.CreatedAt, newest.OpenRead, IsReset: true)], newest.Number)
            : Gone.ToResult();
    }

    /// <summary>One change after the other, each opened when its turn comes.</summary>
    static async Task<IResult> WriteAsync(HttpContext http, IReadOnlyList<Written> changes, int next)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        var body = http.Response.BodyWriter;
        body.Write("{\"changes\":["u8);
        foreach (var (i, change) in changes.Index())
        {
            body.Write(Encoding.ASCII.GetBytes($"{(i > 0 ? "," : "")}{{\"at\":\"{change.At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff}Z\","));
            if (change.IsReset)
                body.Write("\"reset\":true,\"added\":"u8);
            await using (var json = change.Open())
                await json.CopyToAsync(body, http.RequestAborted);
            body.Write(change.IsReset ? ",\"removed\":[],\"changed\":[]}"u8 : "}"u8);
        }
        body.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"],\"next\":\"{next}\"}}")));
        await body.FlushAsync(http.RequestAborted);
        return TypedResults.Empty;
    }

    /// <summary>A change as it is written.</summary>
    /// <param name="Open">Its JSON, without its time; of a reset the rows.</param>
    sealed record Written(DateTimeOffset At, Func<Stream> Open, bool IsReset = false);

    static async Task<(RegisteredRecord? Query, Refusal? Refusal)> FindAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredStore store, RegisteredResults results)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return (null, refusal);
        if (!Guid.TryParse(id, out var known) || await store.FindAsync(http.Integrator().Id, site.Id, known) is not { } query)
            return (null, RegisteredQueries.Unknown);
        return results.IsKept(query) ? (query, null) : (null, Gone);
    }

    static readonly Refusal Gone = new(410, ErrorCodes.Gone, "This registered query has ended, and its results are not kept any more.");
}
