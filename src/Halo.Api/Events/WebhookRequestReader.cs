using System.Collections.Frozen;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Ledger.Events;
using Halo.Api.Queries.Requests;
using Halo.Api.Routing;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Events;

/// <summary>Turns a body into a webhook, or tells every fault at once.</summary>
sealed class WebhookRequestReader(AddressGuard guard)
{
    const string Example = "{ \"url\": \"https://example.com/halo\", \"events\": [\"query.completed\"] }";

    static readonly FrozenDictionary<string, WebhookStyle> Styles = JsonFieldReader.Words<WebhookStyle>(camelCase: true);

    /// <summary>Reads what an integrator chooses.</summary>
    /// <param name="id">Of the webhook that is made or replaced.</param>
    public (WebhookRecord? Webhook, Refusal? Refusal) Read(ReadOnlyMemory<byte> body, Guid integratorId, Guid id) =>
        RequestDocument.Read(body, Example, (root, json) => Read(root, json, integratorId, id));

    WebhookRecord? Read(JsonElement root, JsonFieldReader json, Guid integratorId, Guid id)
    {
        json.LookForMisspelt(root, "", HaloJson.Default.WebhookRequest);
        var url = json.Text(root, "url", "url");
        if (!JsonFieldReader.Present(root, "url", out _))
            json.Fault("url", "is required, as https://example.com/halo.");
        else if (url is not null && WebhookAddress.FaultOf(url, guard) is { } fault)
            json.Fault("url", fault);
        var types = json.Words(root, "events", "events", EventTypes.All);
        if (!JsonFieldReader.Present(root, "events", out _))
            json.Fault("events", $"is required: a list of one or more of {string.Join(", ", EventTypes.All)}.");
        var sources = json.Words(root, "sources", "sources", EventSources.All);
        var style = json.Word<WebhookStyle>(root, "style", "style", Styles, WebhookStyle.Halo);
        var enabled = json.Flag(root, "enabled", "enabled");
        return json.Faults.Count > 0 ? null : new()
        {
            Id = id,
            IntegratorId = integratorId,
            Url = url!,
            Types = types!,
            Sources = sources,
            Style = style!.Value,
            Enabled = enabled ?? true,
        };
    }
}
