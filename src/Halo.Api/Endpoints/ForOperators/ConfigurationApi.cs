using System.Text.Json;
using Halo.Api.Capacity;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Links.Configuration;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Contracts.Admin;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>Remote configuration of Links, as an operator sets it. A PUT replaces all that stood there.</summary>
static class ConfigurationApi
{
    static readonly Dictionary<string, JsonElement> Nothing = [];

    public static void MapConfigurationApi(this IEndpointRouteBuilder routes)
    {
        var all = routes.MapGroup("/admin/v1/configuration").WithTags("Operator: remote configuration");
        all.MapGet("", Get)
            .Says("GetConfiguration", "What all Links are to run with", "And what each of them made of it, paged: the version that it runs and what it refused.").TakesPaging()
            .Answers(200, "The default.", ConfigurationExamples.Default, ConfigurationJson.Default.DefaultConfiguration);
        all.MapPut("", PutDefaultAsync).RequireRole(OperatorRole.Operator)
            .Says("PutConfiguration", "Replace what all Links are to run with", "All that stood there goes. Connected Links are told at once; each takes what its own settings allow.")
            .AsksSettings().Answers(200, "The default as it is now.", ConfigurationExamples.Default, ConfigurationJson.Default.DefaultConfiguration);
        var site = routes.MapGroup("/admin/v1/sites/{siteId}/configuration").WithTags("Operator: remote configuration");
        site.MapGet("", GetOfSite)
            .Says("GetSiteConfiguration", "What one site has of its own", "And what its Link is told, with the default and its neighbours' taken in.").AnswersOfSite();
        site.MapPut("", PutOfSiteAsync).RequireRole(OperatorRole.Support)
            .Says("PutSiteConfiguration", "Replace what one site has of its own", "All that stood there goes. Its Link is told at once.").AsksSettings().AnswersOfSite();
        site.MapDelete("", DeleteOfSiteAsync).RequireRole(OperatorRole.Support)
            .Says("DeleteSiteConfiguration", "Take away what one site has of its own", "The default holds again.").AnswersOfSite();
    }

    static async Task<IResult> PutDefaultAsync(HttpContext http, RemoteConfigurations configurations)
    {
        var (settings, refusal) = await ReadAsync(http);
        if (settings is null)
            return refusal!.ToResult();
        await configurations.SetDefaultAsync(settings, http.Deed());
        return Show(configurations, new Paging(100, null));
    }

    static IResult Get(HttpContext http, RemoteConfigurations configurations)
    {
        var (page, refusal) = Paging.Read(http.Request);
        return page is null ? refusal!.ToResult() : Show(configurations, page);
    }

    static IResult GetOfSite(string siteId, SiteAccess access, RemoteConfigurations configurations)
    {
        var (site, notFound) = access.Find(siteId);
        return site is null ? notFound!.ToResult() : Show(configurations, site);
    }

    static async Task<IResult> PutOfSiteAsync(HttpContext http, string siteId, SiteAccess access, RemoteConfigurations configurations)
    {
        var (site, notFound) = access.Find(siteId);
        if (site is null)
            return notFound!.ToResult();
        var (settings, refusal) = await ReadAsync(http);
        if (settings is null)
            return refusal!.ToResult();
        await configurations.SetAsync(site, settings, http.Deed());
        return Show(configurations, site);
    }

    static async Task<IResult> DeleteOfSiteAsync(HttpContext http, string siteId, SiteAccess access, RemoteConfigurations configurations)
    {
        var (site, notFound) = access.Find(siteId);
        if (site is null)
            return notFound!.ToResult();
        if (configurations.Of(site.Id) is { Settings: not null })
            await configurations.SetAsync(site, null, http.Deed());
        return Show(configurations, site);
    }

    static async Task<(IReadOnlyDictionary<string, JsonElement>? Settings, Refusal? Refusal)> ReadAsync(HttpContext http)
    {
        const int mostBytes = 64 * 1024;
        var (bytes, tooLarge) = await RequestBodies.ReadSmallAsync(http, mostBytes);
        if (bytes is not { } body)
            return (null, tooLarge);
        try
        {
            using var document = JsonDocument.Parse(body.IsEmpty ? "{}"u8.ToArray() : body);
            var (settings, faults) = ConfigurationCheck.Read(document.RootElement);
            return settings is null ? (null, Refusal.Invalid(faults)) : (settings, null);
        }
        catch (JsonException e)
        {
            return (null, Refusal.Invalid("body", $"is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."));
        }
    }

    static JsonHttpResult<DefaultConfiguration> Show(RemoteConfigurations configurations, Paging page)
    {
        var stored = configurations.Default;
        var (applied, next) = page.Take(configurations.Applied, a => a.LinkId);
        return TypedResults.Json(
            new DefaultConfiguration(stored.Version, stored.Settings ?? Nothing, applied) { UpdatedAt = stored.UpdatedAt, Next = next },
            ConfigurationJson.Default.DefaultConfiguration);
    }

    static JsonHttpResult<ConfigurationOfSite> Show(RemoteConfigurations configurations, SiteRecord site)
    {
        var stored = configurations.Of(site.Id);
        var told = configurations.For(site.LinkId);
        var effective = told.Settings.Concat(told.Sites.FirstOrDefault(s => s.SiteId == site.Id)?.Settings ?? Nothing).ToDictionary();
        return TypedResults.Json(
            new ConfigurationOfSite(site.Id, stored?.Version ?? 0, stored?.Settings ?? Nothing, effective, told.Version)
            {
                UpdatedAt = stored?.UpdatedAt,
                Applied = configurations.AppliedBy(site.LinkId),
            },
            ConfigurationJson.Default.ConfigurationOfSite);
    }
}
