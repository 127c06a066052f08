using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Events;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.OpenApi;
using Halo.Api.Settings;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForIntegrators.Events;

/// <summary>Where an integrator wants to be told of events.</summary>
static class WebhooksApi
{
    static readonly WebhookRequest AskExample = new() { Url = "https://example.com/halo/{source}/{queryId}", Events = [EventTypes.QueryCompleted, EventTypes.QueryFailed] };

    static readonly WebhookSecret SecretExample = new(Examples.QueryId, Examples.At);

    static readonly Webhook Example = new()
    {
        Id = Examples.QueryId,
        Url = AskExample.Url!,
        Events = AskExample.Events!,
        Enabled = true,
        Style = WebhookStyle.Halo,
        Secrets = [SecretExample],
        CreatedAt = Examples.At,
        UpdatedAt = Examples.At,
    };

    static readonly WebhookSecret ShownSecretExample = SecretExample with { Secret = "whsec_…" };

    static readonly Refusal Unknown = Refusal.NotFound("You have no such webhook.");

    public static void MapWebhooksApi(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/integrator/webhooks").WithTags("Events");
        webhooks.MapPost("", AddAsync)
            .Says("CreateWebhook", "Be told of events by HTTPS", "The answer shows its secret, this once. What happens from now on is posted there; docs/events.md says how to check the signature.")
            .Asks("url and events are required.", AskExample, HaloJson.Default.WebhookRequest)
            .Answers(201, "Made.", Example with { Secrets = [ShownSecretExample] }, HaloJson.Default.Webhook)
            .Sends(201, "Location", "The webhook's address.")
            .Refuses(400, ErrorCodes.InvalidRequest, "url: must begin with https://.")
            .Refuses(409, ErrorCodes.Conflict, "You have as many webhooks as are allowed.");
        webhooks.MapGet("", ListAsync)
            .Says("ListWebhooks", "Your webhooks", "Oldest first.")
            .Answers(200, "All of them.", new WebhookList([Example]), HaloJson.Default.WebhookList);
        webhooks.MapGet("/{webhookId}", FindAsync)
            .Says("GetWebhook", "One webhook", "Where it was disabled by the service, disabledReason says why.")
            .Answers(200, "Where it stands.", Example, HaloJson.Default.Webhook)
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message);
        webhooks.MapPut("/{webhookId}", ReplaceAsync)
            .Says("ReplaceWebhook", "Change a webhook", "What is absent gets its default. Disabled, what waits for it is given up; enabled, it begins anew. Its secrets stay.")
            .Asks("url and events are required.", AskExample, HaloJson.Default.WebhookRequest)
            .Answers(200, "Changed.", Example, HaloJson.Default.Webhook)
            .Refuses(400, ErrorCodes.InvalidRequest, "url: must begin with https://.")
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message);
        webhooks.MapDelete("/{webhookId}", RemoveAsync)
            .Says("DeleteWebhook", "Remove a webhook", "What waits for it goes with it.")
            .AnswersNothing(204, "Gone.")
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message);
        webhooks.MapPost("/{webhookId}/test", TestAsync)
            .Says("TestWebhook", "Have a webhook told of an event of type webhook.test", "Read the delivery to see what came of it.")
            .Answers(202, "On its way.", DeliveriesApi.Example with { Type = EventTypes.WebhookTest }, HaloJson.Default.WebhookDelivery)
            .Sends(202, "Location", "The delivery's address.")
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message)
            .Refuses(409, ErrorCodes.Conflict, "The webhook is disabled.");
        webhooks.MapPost("/{webhookId}/secrets", AddSecretAsync)
            .Says("AddWebhookSecret", "Make a second secret", "It is shown this once. The old one signs as before, and this one beside it; remove the old one when every receiver knows the new one.")
            .Answers(201, "Made.", ShownSecretExample, HaloJson.Default.WebhookSecret)
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message)
            .Refuses(409, ErrorCodes.Conflict, "The webhook has two secrets already.");
        webhooks.MapDelete("/{webhookId}/secrets/{secretId}", RemoveSecretAsync)
            .Says("DeleteWebhookSecret", "Remove one of two secrets", "From now on the other one alone signs.")
            .AnswersNothing(204, "Gone.")
            .Refuses(404, ErrorCodes.NotFound, "You have no such webhook, or it has no such secret.")
            .Refuses(409, ErrorCodes.Conflict, "It is the only secret of the webhook.");
        webhooks.MapDeliveriesApi();
    }

    static async Task<IResult> AddAsync(HttpContext http, RequestBodies bodies, WebhookRequestReader reader, WebhookStore store, EventOptions options, TimeProvider time)
    {
        var (body, unreadable) = await bodies.ReadAsync(http);
        if (unreadable is not null)
            return unreadable.ToResult();
        var (asked, faulty) = reader.Read(body, http.Integrator().Id, Guid.CreateVersion7(time.GetUtcNow()));
        if (asked is null)
            return faulty!.ToResult();
        if (await store.AddAsync(asked, options.WebhooksPerIntegrator) is not { } made)
            return Conflict($"You have {options.WebhooksPerIntegrator} webhooks, as many as are allowed. Remove or replace one.");
        http.Response.Headers.Location = $"/integrator/webhooks/{made.Id}";
        return TypedResults.Json(Webhooks.Show(made, store.SecretsOf(made).Select(Webhooks.ShowOnce)), HaloJson.Default.Webhook, statusCode: 201);
    }

    static async Task<IResult> ListAsync(HttpContext http, WebhookStore store) => TypedResults.Json(
        new WebhookList([.. (await store.ListAsync(http.Integrator().Id)).Select(w => Show(w, store))]), HaloJson.Default.WebhookList);

    static async Task<IResult> FindAsync(HttpContext http, string webhookId, WebhookStore store) =>
        await KnownAsync(http, webhookId, store) is { } webhook ? TypedResults.Json(Show(webhook, store), HaloJson.Default.Webhook) : Unknown.ToResult();

    static async Task<IResult> ReplaceAsync(HttpContext http, string webhookId, RequestBodies bodies, WebhookRequestReader reader, WebhookStore store)
    {
        if (await KnownAsync(http, webhookId, store) is not { } known)
            return Unknown.ToResult();
        var (body, unreadable) = await bodies.ReadAsync(http);
        if (unreadable is not null)
            return unreadable.ToResult();
        var (asked, faulty) = reader.Read(body, http.Integrator().Id, known.Id);
        if (asked is null)
            return faulty!.ToResult();
        return await store.ReplaceAsync(asked) && await KnownAsync(http, webhookId, store) is { } now ? TypedResults.Json(Show(now, store), HaloJson.Default.Webhook) : Unknown.ToResult();
    }

    static async Task<IResult> RemoveAsync(HttpContext http, string webhookId, WebhookStore store) =>
        Guid.TryParse(webhookId, out var id) && await store.RemoveAsync(http.Integrator().Id, id) > 0 ? TypedResults.NoContent() : Unknown.ToResult();

    static async Task<IResult> TestAsync(HttpContext http, string webhookId, WebhookStore store, DeliveryStore deliveries, EventSignals signals)
    {
        if (await KnownAsync(http, webhookId, store) is not { } webhook)
            return Unknown.ToResult();
        var integrator = http.Integrator().Id;
        if (await deliveries.TestAsync(integrator, webhook.Id) is not { } id)
            return Conflict("The webhook is disabled; enable it first.");
        signals.Raise(integrator);
        var delivery = await deliveries.FindAsync(integrator, id);
        http.Response.Headers.Location = $"/integrator/webhooks/deliveries/{id}";
        return delivery is null ? Unknown.ToResult() : TypedResults.Json(delivery.Show(), HaloJson.Default.WebhookDelivery, statusCode: 202);
    }

    static async Task<IResult> AddSecretAsync(HttpContext http, string webhookId, WebhookStore store)
    {
        if (await KnownAsync(http, webhookId, store) is not { } webhook)
            return Unknown.ToResult();
        return await store.AddSecretAsync(webhook.Id) is { } made
            ? TypedResults.Json(Webhooks.ShowOnce(made), HaloJson.Default.WebhookSecret, statusCode: 201)
            : Conflict($"The webhook has {WebhookStore.MostSecrets} secrets already. Remove the old one first.");
    }

    static async Task<IResult> RemoveSecretAsync(HttpContext http, string webhookId, string secretId, WebhookStore store)
    {
        if (await KnownAsync(http, webhookId, store) is not { } webhook)
            return Unknown.ToResult();
        if (!Guid.TryParse(secretId, out var id) || store.SecretsOf(webhook).All(s => s.Id != id))
            return Refusal.NotFound("The webhook has no such secret.").ToResult();
        return await store.RemoveSecretAsync(webhook.Id, id) ? TypedResults.NoContent() : Conflict("It is the only secret of the webhook. Make a second one first.");
    }

    static async Task<WebhookRecord?> KnownAsync(HttpContext http, string webhookId, WebhookStore store) =>
        Guid.TryParse(webhookId, out var id) ? await store.FindAsync(http.Integrator().Id, id) : null;

    /// <summary>Where its secrets cannot be read any more, it is shown without: it can still be removed.</summary>
    static Webhook Show(WebhookRecord webhook, WebhookStore store)
    {
        try
        {
            return Webhooks.Show(webhook, store.SecretsOf(webhook).Select(Webhooks.Show));
        }
        catch (SealBrokenException)
        {
            return Webhooks.Show(webhook, []);
        }
    }

    static IResult Conflict(string message) => new Refusal(409, ErrorCodes.Conflict, message).ToResult();
}
