using System.Text.Json.Nodes;
using Halo.Api.OpenApi;
using Halo.Api.Results.Formats;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>The description of the routes that read results.</summary>
static class ResultWords
{
    static readonly RowsExample Json = new(RowForms.JsonType, JsonNode.Parse("""[{"last_name":"Smith","visits":12}]""")!);

    public static void DescribeWhole(this RouteHandlerBuilder route) => route
        .Says("GetResult", "All rows in one document: a JSON array, with its columns or without, NDJSON or CSV",
            "Accept chooses the form. Not compressed. A failure half-way aborts the connection: a document that ends in order is whole.")
        .Takes(Input.Whole(ResultsApi.ResultParameter, "Of a batch, which then has to be named: which of its results, from 0.", 0, null, 0), Inputs.Integers, Inputs.Formulas)
        .AnswersRows(200, "All rows.", [Json, .. Examples.Rows])
        .Refuses(400, ErrorCodes.InvalidRequest, "Halo-Integers: takes string or number. result: must be a whole number from 0 to 2: the query is a batch and has a result for each command.")
        .Refuses(406, ErrorCodes.NotAcceptable, "Accept refuses all that is offered.")
        .Refuses(409, ErrorCodes.Conflict, "The query is not successful yet; its pages can be read one by one.")
        .Refuses(410, ErrorCodes.Gone, "The retention is over, or the query ended otherwise.")
        .RefusesSite();

    public static void DescribeRemoval(this RouteHandlerBuilder route) => route
        .Says("RemoveResult", "Remove a query's results now",
            "Pages, columns, output parameters, the database's words, and what is kept of an immediate query's answer for repeats of its Idempotency-Key: a repeat gets its state alone. "
            + "The query stays, with its numbers. What has begun to be read is read to its end. Repeating it changes nothing.")
        .AnswersNothing(204, "They are gone.")
        .Refuses(409, ErrorCodes.Conflict, "The query has not ended; cancel it first.")
        .RefusesSite();

    public static void DescribePage(this RouteHandlerBuilder route) => route
        .Says("GetPage", "One page, its rows in base64", "A page can be read as soon as the query shows it as cached, also while the query goes on.")
        .Takes(Inputs.Integers)
        .Answers(200, "The page.", new PageContent(Convert.ToBase64String("""[{"last_name":"Smith","visits":12}]"""u8), []), HaloJson.Default.PageContent)
        .SendsRowHeaders()
        .Refuses(413, ErrorCodes.ResultTooLarge, "The page has more than 8 MiB (one huge row): read it from …/stream.")
        .RefusesPage();

    public static void DescribeStream(this RouteHandlerBuilder route) => route
        .Says("StreamPage", "One page's JSON array itself", "With Accept-Encoding: br the very bytes that were stored, in ranges where asked; else gzip or plain.")
        .Takes(
            Inputs.Integers, Input.Header("Accept-Encoding", "br, gzip or identity, weighed by q.", "br"),
            Input.Header("If-None-Match", "The ETag that you have: 304 where it is the same."),
            Input.Header("Range", "Bytes of the stored coding (br).", "bytes=0-1023"), Input.Header("If-Range", "The range only of this ETag; else the whole."))
        .AnswersRows(200, "The rows.", Json)
        .SendsRowHeaders()
        .Sends(200, "ETag", "Of the page in this coding.")
        .Sends(200, "Content-Digest", "With br: SHA-256 of the bytes sent (RFC 9530).")
        .AnswersNothing(206, "A range of the stored bytes.")
        .Sends(206, "Content-Range", "Which bytes of how many.")
        .Sends(206, "Repr-Digest", "SHA-256 of all the stored bytes (RFC 9530).")
        .AnswersNothing(304, "You have this page.")
        .Refuses(416, ErrorCodes.InvalidRequest, "The range begins beyond the end; Content-Range says how many bytes there are.")
        .RefusesPage();

    static RouteHandlerBuilder SendsRowHeaders(this RouteHandlerBuilder route) => route
        .Sends(200, "Size", "Bytes of the rows as JSON.")
        .Sends(200, "Rows-Count", "Rows in the page.")
        .Sends(200, "Rows-Range-Start", "Index of its first row, from 0; absent without rows.")
        .Sends(200, "Rows-Range-End", "Index of its last row, inclusive; absent without rows.");

    static void RefusesPage(this RouteHandlerBuilder route) => route
        .Refuses(400, ErrorCodes.InvalidRequest, "pageNumber: must be a whole number from 1.")
        .RefusesSite()
        .Refuses(404, ErrorCodes.NotFound, "The page is past the last, or not there yet.")
        .Refuses(410, ErrorCodes.Gone, "The retention is over, or the query ended otherwise.");
}
