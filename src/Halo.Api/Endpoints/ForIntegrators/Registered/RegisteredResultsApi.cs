using System.Globalization;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Registered;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Registered;
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

    public static void MapRegisteredResultsApi(this RouteGroupBuilder registered)
    {
        registered.MapGet("/{id}/results", GetAsync)
            .Says("GetRegisteredResult", "The newest result in one document", "Accept chooses the form; plain JSON has the rows in base64. The ETag is the result's hash.")
            .Takes(Inputs.Integers, Inputs.Formulas, Input.Header("If-None-Match", "The ETag that you have: 304 where it is the same."))
            .Answers(200, "The rows.", new RegisteredResult(Convert.ToBase64String("""[{"last_name":"Smith","visits":12}]"""u8), null, 1, 35), HaloJson.Default.RegisteredResult)
            .Sends(200, "ETag", "The result's hash.")
            .AnswersNothing(304, "You have this result.")
            .Refuses(404, ErrorCodes.NotFound, "There is no such registered query, or no result yet.")
            .Refuses(410, ErrorCodes.Gone, "It ended more than 24 hours ago.")
            .RefusesSite();
        registered.MapGet("/{id}/changes", ChangesAsync)
            .Says("GetRegisteredChanges", "What changed from one result to the next", "For those registered with changes; kept for 24 hours. A cursor that is not known any more answers all rows, with reset: true.")
            .Takes(Input.Text(AfterParameter, "The value of next from the answer before; absent: from the first.", "17"))
            .Answers(200, "Changes in order; none where nothing changed.",
                new RegisteredChangeList([new(Examples.At, false, [RowExample], [KeyExample], [])], "18"), HaloJson.Default.RegisteredChangeList)
            .Refuses(404, ErrorCodes.NotFound, "There is no such registered query.")
            .Refuses(409, ErrorCodes.Conflict, "It was registered without changes.")
            .Refuses(410, ErrorCodes.Gone, "It ended more than 24 hours ago.")
            .RefusesSite();
    }

    static JsonElement RowExample => JsonSerializer.Deserialize("""{"id":4711,"state":"arrived"}""", HaloJson.Default.JsonElement);

    static JsonElement KeyExample => JsonSerializer.Deserialize("""{"id":4709}""", HaloJson.Default.JsonElement);

    static async Task<IResult> GetAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredStore store, RegisteredResults results)
    {
        var (wanted, unknown) = ResponseFormat.Read(http.Request);
        if (wanted is null)
            return unknown!.ToResult();
        var (query, refusal) = await FindAsync(http, siteId, id, access, store);
        if (query is null)
            return refusal!.ToResult();
        if (query.LastHash is not { } hash)
            return Refusal.NotFound("This registered query has no result yet; lastErrorDetails says whether its runs fail.").ToResult();
        var tag = new EntityTagHeaderValue($"\"{hash}\"");
        http.Response.Headers.ETag = tag.ToString();
        http.Response.Headers.Vary = ResultsApi.Vary;
        if (http.Request.GetTypedHeaders().IfNoneMatch.Any(t => t.Equals(EntityTagHeaderValue.Any) || t.Compare(tag, useStrongComparison: false)))
            return TypedResults.StatusCode(304);
        if (await results.NewestAsync(query) is not { } json)
            return Gone.ToResult();
        using var rows = wanted is { Form: null, IntegersAsText: false } ? null : Transcode(json, wanted, store.DetailOf(query).Columns ?? []);
        if (wanted.Form is { } form)
        {
            http.Response.ContentType = form.ContentType();
            http.Response.ContentLength = rows!.Output.Length;
            await http.Response.Body.WriteAsync(rows.Output.Written, http.RequestAborted);
            return TypedResults.Empty;
        }
        var written = rows is null ? json : rows.Output.Written.ToArray();
        return TypedResults.Json(new RegisteredResult(Convert.ToBase64String(written), null, query.ResultRows, written.Length), HaloJson.Default.RegisteredResult);
    }

    static async Task<IResult> ChangesAsync(HttpContext http, string siteId, string id, string? after, SiteAccess access, RegisteredStore store, RegisteredResults results)
    {
        var (query, refusal) = await FindAsync(http, siteId, id, access, store);
        if (query is null)
            return refusal!.ToResult();
        if (query.Key is null)
            return new Refusal(409, ErrorCodes.Conflict, "This query was registered without changes: register it with \"changes\": { \"key\": [\"id\"] }.").ToResult();
        var from = after is null ? 0 : int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        if (from < 0 || await results.ChangesAsync(query, from) is not { } changes)
        {
            if (query.Delivered == 0)
                changes = [];
            else if (await results.NewestAsync(query) is { } rows)
                changes = [(query.Delivered, query.LastSucceededAt ?? query.CreatedAt, RegisteredChanges.Reset(rows))];
            else
                return Gone.ToResult();
        }
        var next = changes.Count > 0 ? changes[^1].Number : Math.Max(from, 0);
        if (changes.Count == 0 && from == 0 && !query.DeliverFirst)
            next = query.Delivered;
        http.Response.ContentType = "application/json; charset=utf-8";
        await using var body = http.Response.BodyWriter.AsStream();
        await body.WriteAsync("{\"changes\":["u8.ToArray());
        for (var i = 0; i < changes.Count; i++)
        {
            await body.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"{(i > 0 ? "," : "")}{{\"at\":\"{changes[i].At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff}Z\","));
            await body.WriteAsync(changes[i].Json);
            await body.WriteAsync("}"u8.ToArray());
        }
        await body.WriteAsync(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"],\"next\":\"{next}\"}}")));
        return TypedResults.Empty;
    }

    static async Task<(RegisteredRecord? Query, Refusal? Refusal)> FindAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredStore store)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return (null, refusal);
        if (!Guid.TryParse(id, out var known) || await store.FindAsync(http.Integrator().Id, site.Id, known) is not { } query)
            return (null, RegisteredQueries.Unknown);
        return query.WrappedKey is null ? (null, Gone) : (query, null);
    }

    static readonly Refusal Gone = new(410, ErrorCodes.Gone, "This registered query ended more than 24 hours ago; its results are not kept any more.");

    static IRowTranscoder Transcode(byte[] json, ResponseFormat wanted, IReadOnlyList<ResultColumn> columns)
    {
        var transcoder = (wanted.Form ?? RowForm.Array).To(columns, wanted.IntegersAsText);
        transcoder.Add(json);
        transcoder.EndArray();
        transcoder.EndDocument();
        return transcoder;
    }
}
