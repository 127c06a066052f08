using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Halo.Api.Sites;

/// <summary>Sites in the words of the release that a program was written for: the header <c>Halo-Version</c>.</summary>
static class SiteResponses
{
    /// <summary>The header.</summary>
    public const string Header = "Halo-Version";

    /// <summary>The release whose words differ.</summary>
    public const string Old = "22.1219";

    static readonly (string Now, string Then)[] Fields =
    [
        ("haloLinkVersion", "HaloLinkVersion"),
        ("clientTimestampUTC", "ClientTimestampUTC"),
        ("heartbeatTimestampUTC", "HeartbeatTimestampUTC"),
    ];

    /// <summary>One site.</summary>
    public static IResult Answer(HttpRequest request, Site site) => IsOld(request)
        ? Text(ToOld(site))
        : TypedResults.Json(site, HaloJson.Default.Site);

    /// <summary>Several.</summary>
    public static IResult Answer(HttpRequest request, SiteList sites) => IsOld(request)
        ? Text(ToOld(sites))
        : TypedResults.Json(sites, HaloJson.Default.SiteList);

    static bool IsOld(HttpRequest request) => request.Headers[Header] == Old;

    static JsonObject ToOld(SiteList sites)
    {
        var words = new JsonObject { ["sites"] = new JsonArray([.. sites.Sites.Select(ToOld)]) };
        if (sites.Next is not null)
            words["next"] = sites.Next;
        return words;
    }

    static JsonObject ToOld(Site site)
    {
        var words = JsonSerializer.SerializeToNode(site, HaloJson.Default.Site)!.AsObject();
        if (site.Availability == SiteAvailability.Unreachable)
            words["availability"] = "unavailable";
        foreach (var (now, then) in Fields)
        {
            if (words.Remove(now, out var value))
                words[then] = value;
        }
        return words;
    }

    static ContentHttpResult Text(JsonObject json) => TypedResults.Text(json.ToJsonString(), "application/json; charset=utf-8");
}
