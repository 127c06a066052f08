using System.Collections.Frozen;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Requests;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Surveys;

/// <summary>What is asked, and where.</summary>
/// <param name="Sites">The sites that are named; null: a filter chooses them.</param>
/// <param name="AtOnce">At how many it runs at once.</param>
sealed record SurveyScope(IReadOnlyList<Guid>? Sites, int AtOnce)
{
    public SiteAvailability? Availability { get; init; }

    public string? PmsName { get; init; }
}

/// <summary>Turns the body of a survey into an async query and its scope, or tells every fault at once.</summary>
sealed class SurveyRequestReader(QueryRequestReader queries)
{
    public const int MostSites = 10_000, MostAtOnce = 1000, UsualAtOnce = 20;

    /// <summary>Bytes of its command or commands as JSON: each site's query is stored with them.</summary>
    public const int LargestCommand = 256 * 1024;

    static readonly Refusal TooLarge = new(413, ErrorCodes.RequestTooLarge,
        $"The command has more than {LargestCommand} bytes, which one that is asked of many sites may not. Shorten it, or ask the sites one by one. Nothing ran.");

    static readonly FrozenDictionary<string, SiteAvailability> Availabilities = JsonFieldReader.Words<SiteAvailability>(camelCase: true);

    /// <summary>Reads a body.</summary>
    /// <param name="integrator">Whose sites they must be.</param>
    public (QuerySubmission? Submission, SurveyScope? Scope, Refusal? Refusal) Read(ReadOnlyMemory<byte> body, Integrator integrator)
    {
        var (asked, scope, refusal) = queries.ReadSurvey(body, (root, json) => ReadScope(root, integrator, json));
        return asked is { CommandSize: > LargestCommand } ? (null, null, TooLarge) : (asked, scope, refusal);
    }

    static SurveyScope? ReadScope(JsonElement root, Integrator integrator, JsonFieldReader json)
    {
        // A survey has nobody who waits for it.
        if (JsonFieldReader.Present(root, "mode", out var mode) && !(mode.ValueKind == JsonValueKind.String && mode.GetString()!.Equals("async", StringComparison.OrdinalIgnoreCase)))
            json.Fault("mode", "must be async, or absent: many sites are asked async.");
        if (JsonFieldReader.Present(root, "maxTimeInQueue", out var wait) && wait.ValueKind == JsonValueKind.Number && wait.TryGetInt32(out var ms) && ms == 0)
            json.Fault("maxTimeInQueue", "must be 1 millisecond at least: not all sites are asked at the same moment. To ask only those that are there, use filter with availability online.");
        var atOnce = json.Whole(root, "atOnce", "atOnce", 1, MostAtOnce, "sites") ?? UsualAtOnce;
        var hasSites = JsonFieldReader.Present(root, "sites", out var sites);
        var hasFilter = JsonFieldReader.Present(root, "filter", out var filter);
        if (hasSites == hasFilter)
        {
            json.Fault("sites", hasSites ? "and filter exclude each other: give one of the two." : "is required, or filter: [\"<uuid>\", …]; filter: {} is all of your sites.");
            return null;
        }
        return hasSites ? ReadSites(sites, integrator, json) is { } named ? new(named, atOnce) : null : ReadFilter(filter, atOnce, json);
    }

    static List<Guid>? ReadSites(JsonElement list, Integrator integrator, JsonFieldReader json)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is < 1 or > MostSites)
        {
            json.Fault("sites", $"must be an array of 1 to {MostSites} ids of sites.");
            return null;
        }
        var (known, index) = (new HashSet<Guid>(), -1);
        foreach (var item in list.EnumerateArray())
        {
            index++;
            if (json.IsFull)
                return null;
            if (item.ValueKind != JsonValueKind.String || !item.TryGetGuid(out var id))
                json.Fault($"sites[{index}]", "must be the id of a site.");
            else if (!integrator.Sites.Contains(id))
                json.Fault($"sites[{index}]", "is no site that you are paired with. GET /integrator/sites lists yours.");
            else if (!known.Add(id))
                json.Fault($"sites[{index}]", "is named twice.");
        }
        return [.. known];
    }

    static SurveyScope? ReadFilter(JsonElement filter, int atOnce, JsonFieldReader json)
    {
        if (filter.ValueKind != JsonValueKind.Object)
        {
            json.Fault("filter", "must be an object: { \"availability\": \"online\" }; {} is all of your sites.");
            return null;
        }
        // A filter that was not understood would ask more sites than were meant.
        foreach (var property in filter.EnumerateObject())
        {
            if (!HaloJson.Default.SurveyFilter.Properties.Any(p => property.NameEquals(p.Name)))
                json.Fault($"filter.{RequestParameters.Shorten(property.Name)}", "is no field here. There are: " + string.Join(", ", HaloJson.Default.SurveyFilter.Properties.Select(p => p.Name)) + ".");
        }
        return new(null, atOnce)
        {
            Availability = json.Word<SiteAvailability>(filter, "availability", "filter.availability", Availabilities, null),
            PmsName = json.Text(filter, "practiceManagementName", "filter.practiceManagementName"),
        };
    }
}
