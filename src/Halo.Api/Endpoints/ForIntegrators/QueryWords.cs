using Halo.Api.OpenApi;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>The description of the routes that take queries in.</summary>
static class QueryWords
{
    const string Forms =
        "Accept: application/json answers with the query, its rows in base64. application/vnd.halo.rows+json, application/vnd.halo.table+json (the columns before the rows), application/x-ndjson and text/csv stream the rows themselves, "
        + "of any size, with the header Halo-Query-Id: an error before the first row has its status, a later one aborts the response, so what ends in order is whole. "
        + "A nonQuery has no rows and is always answered as JSON.";

    public static void DescribeImmediate(this RouteHandlerBuilder route) => route
        .Says("QueryImmediate", "Run a query and answer with its rows", Forms)
        .Takes(Inputs.ResultSet, Inputs.Tag, Inputs.Key, Inputs.Integers, Inputs.Formulas)
        .Asks("What to ask; maxTimeInQueue is 0 to 60000 (default 30000).", Examples.Ask, HaloJson.Default.QueryRequest)
        .AnswersImmediate().RefusesRequest();

    public static void DescribeAsync(this RouteHandlerBuilder route) => route
        .Says("QueryAsync", "Queue a query whose rows are stored in pages",
            "201 only after the query is durably stored. A site that is away does not matter: the query waits up to maxTimeInQueue.")
        .Takes(Inputs.ResultSet, Inputs.Tag, Inputs.Key)
        .Asks("What to ask; maxTimeInQueue is 0 to 7200000 (default 3600000).", Examples.Ask with { MaxTimeInQueue = 3_600_000 }, HaloJson.Default.QueryRequest)
        .AnswersQueued()
        .Refuses(400, ErrorCodes.InvalidRequest, "The request is malformed; errors names each fault.")
        .RefusesRequest();

    public static void DescribeOldForm(this RouteHandlerBuilder route) => route
        .Says("Query", "Old form: mode says how it is answered", "As …/queries/immediate or …/queries/async; sqlQuery may stand in place of command. " + Forms)
        .Takes(Inputs.ResultSet, Inputs.Tag, Inputs.Key, Inputs.Integers, Inputs.Formulas)
        .Asks("What to ask, and mode: immediate or async (default).", Examples.AskOldForm, HaloJson.Default.QueryRequest)
        .AnswersImmediate().AnswersQueued().RefusesRequest();

    public static void DescribeDescription(this RouteHandlerBuilder route) => route
        .Says("DescribeCommand", "The columns and parameters of a command, without running it",
            "The database compiles the command and says what it would bring; nothing of it runs. Parameters need no values. Counts as an immediate query.")
        .Asks("The command; maxTimeInQueue is 0 to 60000 (default 30000).", Examples.Ask, HaloJson.Default.QueryRequest)
        .Answers(200, "What the database says.", Examples.Description, HaloJson.Default.CommandDescription)
        .Refuses(400, ErrorCodes.InvalidRequest, "The request is malformed and no query exists; errors names each fault.")
        .Answers(400, "The database refused it: its own number and words.", Examples.DatabaseError, HaloJson.Default.Query)
        .Answers(403, "The practice's own policy does not allow the command.", Examples.PolicyRefused, HaloJson.Default.Query)
        .Refuses(409, ErrorCodes.Conflict, "The site's Halo Link is too old to describe commands.")
        .Answers(503, "The site is away, or the time in the queue is over.", Examples.SiteAway, HaloJson.Default.Query)
        .Sends(503, "Retry-After", "Seconds.")
        .Answers(504, "The limit was reached, or no answer came in time.", Examples.NoAnswer, HaloJson.Default.Query)
        .RefusesRequest();

    /// <summary>What each route under a site's queries may answer about the site.</summary>
    public static RouteHandlerBuilder RefusesSite(this RouteHandlerBuilder route) => route
        .Refuses(403, ErrorCodes.NotPaired, "Not paired with the site, or it is not authoritative, or removed, or waits for the operator's confirmation; the message says which and what to do.")
        .Refuses(404, ErrorCodes.NotFound, "There is no such site, or no such query of yours at this site.");

    static RouteHandlerBuilder AnswersImmediate(this RouteHandlerBuilder route) => route
        .Answers(200, "The database did it.", Examples.Successful, HaloJson.Default.Query)
        .AnswersRows(200, "Rows by themselves, where Accept asks for them.", Examples.Rows)
        .Sends(200, "Server-Timing", "The phases of metrics: queue, link, sql, encode; milliseconds with fractions.")
        .Sends(200, "Halo-Query-Id", "With streamed rows: the query's id.")
        .Sends(200, "Halo-Notices", "With streamed rows: how many notices the query has from its request; GET on it shows them.")
        .Sends(200, "Halo-Replayed", "true: the answer of an earlier request with this Idempotency-Key.")
        .Refuses(400, ErrorCodes.InvalidRequest, "The request is malformed and no query exists; errors names each fault.")
        .Answers(400, "The database refused it: its own number and words.", Examples.DatabaseError, HaloJson.Default.Query)
        .Answers(403, "The practice's own policy refused it.", Examples.PolicyRefused, HaloJson.Default.Query)
        .Answers(409, "Somebody cancelled it.", Examples.Cancelled, HaloJson.Default.Query)
        .Refuses(413, ErrorCodes.RequestTooLarge, "The request's body is over the limit; no query exists.")
        .Answers(413, "The result is over the limit; the query was executed.", Examples.TooLarge, HaloJson.Default.Query)
        .Answers(503, "Nothing ran: the site is away, or the time in the queue is over.", Examples.SiteAway, HaloJson.Default.Query)
        .Sends(503, "Retry-After", "Seconds.")
        .Answers(504, "The limit was reached, or no answer came in time: executed says what is known, GET on the id what became of it.", Examples.NoAnswer, HaloJson.Default.Query)
        .Refuses(406, ErrorCodes.NotAcceptable, "Accept refuses all that is offered.");

    static RouteHandlerBuilder AnswersQueued(this RouteHandlerBuilder route) => route
        .Answers(201, "The query is stored.", Examples.Queued, HaloJson.Default.Query)
        .Refuses(503, ErrorCodes.StorageFull, "The service's disk is nearly full; nothing ran.")
        .Sends(201, "Location", "The query's address.")
        .Sends(201, "Halo-Replayed", "true: the answer of an earlier request with this Idempotency-Key.");

    static void RefusesRequest(this RouteHandlerBuilder route) => route
        .RefusesSite()
        .Refuses(403, ErrorCodes.QuotaExceeded, "The integrator has had its queries of this day.")
        .Refuses(408, ErrorCodes.InvalidRequest, "The request's body came too slowly.")
        .Refuses(413, ErrorCodes.RequestTooLarge, "The request's body is over the limit.")
        .Refuses(503, ErrorCodes.QueueFull, "As much is queued, under way or waiting for the store as may; nothing ran.")
        .Sends(503, "Retry-After", "Seconds.")
        .Refuses(409, ErrorCodes.Conflict, "commands, parameterSets: the site's Halo Link is too old to run a batch; nothing ran.")
        .Refuses(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json.")
        .Refuses(422, ErrorCodes.IdempotencyKeyReused, "This Idempotency-Key stands for another request.");
}
