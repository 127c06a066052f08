using System.Collections.Frozen;
using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Queries;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>An integrator's own queries at a site.</summary>
static class ListApi
{
    const int MostItems = 1000, UsualItems = 100, LongestTag = 64;

    public static void MapListApi(this RouteGroupBuilder queries) =>
        queries.MapGet("", ListAsync)
            .Says("ListQueries", "Your own queries at a site, newest first", "As GET shows each, but without result (resultSize is there).")
            .Takes(
                Input.Word("status", "Only those in this state.", [.. QueryLifecycle.AllWords]), Input.Text("tag", "Only those with this Halo-Tag.", "nightly") with { LongestText = LongestTag },
                Input.Time("from", "Earliest createdAt."), Inputs.Limit, Inputs.After)
            .Answers(200, "A page of them.", new QueryList([Examples.Export with { Result = null }]) { Next = Examples.QueryId.ToString() }, HaloJson.Default.QueryList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.")
            .RefusesSite();

    static async Task<IResult> ListAsync(
        HttpContext http, string siteId, string? status, string? tag, string? from, string? limit, string? after,
        SiteAccess access, QueryReader queries, PendingQueries pending)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        var faults = new List<FieldError>();
        var wanted = new QueryFilter(http.Integrator().Id, site.Id, ReadLimit(limit, faults))
        {
            Status = ReadStatus(status, faults),
            Tag = tag is { Length: > LongestTag } || tag?.Any(char.IsControl) == true
                ? Fault<string>("tag", $"must have at most {LongestTag} characters, and no control characters.", faults) : tag,
            From = ReadTime("from", from, faults),
            After = ReadAfter(after, faults),
        };
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        await pending.TryFlushAsync(q => q.Sent.Query.IntegratorId == wanted.IntegratorId);
        // One more than wanted tells whether there is a next page.
        var found = await queries.ListAsync(wanted with { Limit = wanted.Limit + 1 });
        var page = found.Take(wanted.Limit).Select(r => QueryView.Of(r) with { Result = null, Results = null }).ToList();
        return TypedResults.Json(new QueryList(page) { Next = found.Count > wanted.Limit ? page[^1].Id.ToString() : null }, HaloJson.Default.QueryList);
    }

    internal static int ReadLimit(string? text, List<FieldError> faults, int most = MostItems) =>
        text is null ? Math.Min(UsualItems, most)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit >= 1 && limit <= most ? limit
        : Fault<int>("limit", $"must be a whole number from 1 to {most}.", faults);

    /// <summary>A state as a filter names it; null: none is asked for, or a fault is added.</summary>
    internal static QueryStatus? ReadStatus(string? text, List<FieldError> faults) =>
        text is null ? null
        : QueryLifecycle.TryParse(text) ?? Fault<QueryStatus?>("status", $"must be one of {string.Join(", ", QueryLifecycle.AllWords)}.", faults);

    /// <summary>A time as a filter names it; null: none is asked for, or a fault is added.</summary>
    internal static DateTimeOffset? ReadTime(string field, string? text, List<FieldError> faults) =>
        text is null ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at
        : Fault<DateTimeOffset?>(field, "must be a time as 2026-03-05T14:30:00Z.", faults);

    /// <summary>One of some words as a filter names it; null: none is asked for, or a fault is added.</summary>
    internal static T? ReadWord<T>(string field, string? text, FrozenDictionary<string, T> words, List<FieldError> faults)
        where T : struct =>
        text is null ? null
        : words.TryGetValue(text, out var word) ? word
        : Fault<T?>(field, $"must be one of {string.Join(", ", words.Keys)}.", faults);

    /// <summary>Where a page goes on; null: from the start, or a fault is added.</summary>
    internal static Guid? ReadAfter(string? text, List<FieldError> faults) =>
        text is null ? null : Guid.TryParse(text, out var id) ? id : Fault<Guid?>("after", "must be the value of next from the page before.", faults);

    static T? Fault<T>(string field, string message, List<FieldError> faults)
    {
        faults.Add(new(field, message));
        return default;
    }
}
