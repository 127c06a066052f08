using System.Text.Json;
using Halo.Api.Links.Configuration;
using Halo.Api.OpenApi;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>What the routes of remote configuration take and answer, for their description.</summary>
static class ConfigurationExamples
{
    static readonly IReadOnlyDictionary<string, JsonElement> Settings = new Dictionary<string, JsonElement>
    {
        ["immediateLanes"] = JsonSerializer.SerializeToElement(2),
        ["heartbeatSeconds"] = JsonSerializer.SerializeToElement(60),
    };

    static readonly AppliedConfiguration Applied = new(Examples.LinkId, 7, [new RefusedSetting("immediateLanes", "The Link's own file allows 1.")], Examples.At);

    public static readonly DefaultConfiguration Default = new(7, Settings, [Applied]) { UpdatedAt = Examples.At };

    static readonly ConfigurationOfSite OfSite = new(Examples.SiteId, 3, Settings, Settings, 7) { UpdatedAt = Examples.At, Applied = Applied };

    public static RouteHandlerBuilder AsksSettings(this RouteHandlerBuilder route) => route
        .Asks("Settings by name: immediateLanes, immediateExecutionMs, asyncExecutionMs, commandTimeoutMs, asyncLanes, uploads, heartbeatSeconds, logLevel.",
            Settings, ConfigurationJson.Default.IReadOnlyDictionaryStringJsonElement)
        .Refuses(400, ErrorCodes.InvalidRequest, "immediateLanes: must be a whole number from 1 to 64.");

    public static RouteHandlerBuilder AnswersOfSite(this RouteHandlerBuilder route) => route
        .Answers(200, "The site's.", OfSite, ConfigurationJson.Default.ConfigurationOfSite)
        .Refuses(404, ErrorCodes.NotFound, "There is no such site.");
}
