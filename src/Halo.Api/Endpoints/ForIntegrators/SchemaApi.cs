using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Schemas;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>What a site's database has.</summary>
static class SchemaApi
{
    static readonly DatabaseSchema Example = new("Patients", Examples.At, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        [
            new("public", "patients", SchemaTableKind.Table, [new("id", "integer", false) { Default = "nextval('patients_id_seq'::regclass)" }, new("last_name", "character varying(40)", true) { Comment = "As on the card" }])
            {
                PrimaryKey = new("patients_pkey", ["id"]),
                Indexes = [new("patients_by_name", ["last_name"], false)],
            },
        ],
        [new("public", "book", SchemaRoutineKind.Procedure, [new("patient", ParameterDirection.Input, "integer"), new("number", ParameterDirection.Output, "bigint")])]);

    public static void MapSchemaApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/integrator/sites/{siteId}/schema", GetAsync).WithTags("Sites")
            .Says("GetSchema", "Tables, views, keys, indexes and procedures of a site's database",
                "As far as your login there may see them. What was read last is kept and answered, also while the site is away; readAt says when it was read. "
                + "The first call, and one with refresh=true, has the site's Halo Link read the database's catalogue, which counts as an immediate query.")
            .Takes(Input.Text("catalogue", "One of the site's databases; absent: its default.", "Patients"), Input.Word("refresh", "true: read it now.", ["true", "false"]) with { Preset = "false" })
            .Answers(200, "The schema.", Example, HaloJson.Default.DatabaseSchema)
            .Refuses(400, ErrorCodes.InvalidRequest, "catalogue: is not one of this site's.")
            .Answers(400, "The database refused to tell: its own number and words.", Examples.DatabaseError, HaloJson.Default.Query)
            .Answers(403, "The practice's own policy allows no reading.", Examples.PolicyRefused, HaloJson.Default.Query)
            .Refuses(403, ErrorCodes.QuotaExceeded, "The integrator has had its queries of this day.")
            .Refuses(409, ErrorCodes.Conflict, "It has to be read, and the site's Halo Link is too old for that.")
            .Answers(413, "It is larger than an immediate answer may be.", Examples.TooLarge, HaloJson.Default.Query)
            .Answers(503, "It has to be read, and the site is away.", Examples.SiteAway, HaloJson.Default.Query)
            .Sends(503, "Retry-After", "Seconds.")
            .Answers(504, "The limit was reached, or no answer came in time.", Examples.NoAnswer, HaloJson.Default.Query)
            .RefusesSite();

    static async Task<IResult> GetAsync(
        HttpContext http, string siteId, string? catalogue, string? refresh, SiteAccess access, SchemaStore store, SchemaReading reading, ImmediateResponseWriter writer)
    {
        var caller = http.Caller();
        var (site, noSite) = access.ForQuery(caller, siteId);
        if (site is null)
            return noSite!.ToResult();
        var (name, unknown) = SchemaReading.CatalogueOf(site, catalogue);
        List<FieldError> faults = [.. unknown?.Errors ?? []];
        // As in the body of a query: else it would be a newer program's, and the default database be told of.
        if (http.Request.Query.ContainsKey("catalog"))
            faults.Add(new("catalog", "is no parameter of this call; did you mean catalogue?"));
        if (refresh is not (null or "true" or "false"))
            faults.Add(new("refresh", "must be true or false."));
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        if (refresh != "true" && await store.FindAsync(new(caller.Integrator.Id, site.Id, name!)).OrRefuseAsync() is { } known)
            return Answer(caller, site, known, access);
        var (schema, failed, refused) = await reading.ReadAsync(caller, site, name!, http.RequestAborted);
        if (schema is not null)
            return Answer(caller, site, schema, access);
        if (failed is null)
            return refused!.ToResult();
        using (failed)
            await writer.WriteAsync(http, caller, failed);
        return TypedResults.Empty;
    }

    /// <summary>Unless the right to it was taken away meanwhile.</summary>
    static IResult Answer(IntegratorCaller caller, SiteRecord site, StoredSchema schema, SiteAccess access) =>
        access.ForReading(caller, site.Id).Refusal is { } taken ? taken.ToResult() : TypedResults.Stream(schema.OpenRead(), "application/json; charset=utf-8");
}
