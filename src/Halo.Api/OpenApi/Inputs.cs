using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Negotiation;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Microsoft.OpenApi;

namespace Halo.Api.OpenApi;

/// <summary>Parameters and headers that more than one route takes.</summary>
static class Inputs
{
    public static readonly Input Tag = Input.Header("Halo-Tag",
        "The caller's own mark, at most 64 characters: kept with the query, shown, and given to the database as application name where it has one.", "nightly", 64);

    public static readonly Input Key = Input.Header(IdempotentRequest.Header,
        "1 to 128 characters. Within 24 hours a repeat with this key is not carried out again: it gets the same answer, with Halo-Replayed: true. "
        + "Rows that were streamed are repeated as the query's state, without them.", "recall-4711", 128);

    public static readonly Input Integers = Input.Header(ResponseFormat.IntegersHeader, "string writes 64-bit integers (columns of type BigInt) as strings.") with
    {
        Words = ["number", "string"],
        Preset = "number",
    };

    public static readonly Input Formulas = Input.Word(ResponseFormat.FormulasParameter,
        "With text/csv: escape puts an apostrophe before texts that a spreadsheet would take for formulas; they begin with =, +, -, @, tab, CR or LF and are no numbers.",
        ["keep", "escape"]) with
    {
        Preset = "keep",
    };

    public static readonly Input Words = Input.Header(SiteResponses.Header,
        $"{SiteResponses.Old} gives the site in the words of that release: unavailable for unreachable, and HaloLinkVersion, ClientTimestampUTC, HeartbeatTimestampUTC.", SiteResponses.Old);

    public static readonly Input ResultSet = Input.Whole("resultSet", "Which of several result sets is wanted, from 1.", 1, null, 1);

    public static readonly Input PracticeId = Input.Text("practiceManagementSiteId", "The PMS vendor's own id of the practice.", "12345", required: true);

    public static readonly Input PracticeName = Input.Text("practiceManagementName", "The PMS: Best Practice, Zedmed, D4w or another configured name.", "Best Practice", required: true);

    public static readonly Input Limit = Input.Whole("limit", "Items of a page, 1 to 1000.", 1, 1000, 100);

    public static readonly Input After = Input.Text("after", "The value of next from the page before; absent: the first page.") with { Format = "uuid" };

    /// <summary>What stands in the paths, by name.</summary>
    public static readonly IReadOnlyDictionary<string, Input> Paths = new[]
    {
        Input.Path("siteId", "The site's id, the Halo GUID."),
        Input.Path("queryId", "The query's id, from the answer that accepted it."),
        Input.Path("pageNumber", "The page, from 1.", "int32") with { Type = JsonSchemaType.Integer, Least = 1 },
        Input.Path("id", "The integrator's id."),
        Input.Path("surveyId", "The survey's id, from the answer that accepted it."),
        Input.Path("webhookId", "The webhook's id."),
        Input.Path("secretId", "The secret's id, from the webhook."),
        Input.Path("deliveryId", "The delivery's id, from the list of deliveries."),
        Input.Path("slot", "Which of the two keys.", null) with { Words = ["primary", "secondary"] },
        Input.Path("operatorId", "The operator's id."),
        Input.Path("tokenId", "The enrolment token's id."),
        Input.Path("linkId", "The Link's id, the Link GUID."),
        Input.Path("version", "The release's version, as 26.1201.7.", null),
        Input.Path("ring", "Which Links.", null) with { Words = ["canary", "early", "all"] },
    }.ToDictionary(i => i.Name);
}
