using System.Collections.Frozen;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForIntegrators.Events;

/// <summary>What an integrator's webhooks were told, and what came of it.</summary>
static class DeliveriesApi
{
    static readonly FrozenDictionary<string, WebhookDeliveryStatus> Statuses = JsonFieldReader.Words<WebhookDeliveryStatus>(camelCase: true);

    static readonly Refusal Unknown = Refusal.NotFound("Your webhooks have no such delivery; deliveries that have ended are kept for 24 hours.");

    public static WebhookDelivery Example { get; } = new()
    {
        Id = Examples.QueryId,
        WebhookId = Examples.QueryId,
        EventId = Examples.QueryId,
        Type = EventTypes.QueryCompleted,
        OccurredAt = Examples.At,
        SiteId = Examples.Site.Id,
        Sequence = 7,
        Status = WebhookDeliveryStatus.Pending,
        Attempts = [new(Examples.At.AddMilliseconds(3), 41) { HttpStatus = 503, Error = "Answered 503." }],
        NextAttemptAt = Examples.At.AddSeconds(9),
    };

    public static void MapDeliveriesApi(this RouteGroupBuilder webhooks)
    {
        webhooks.MapGet("/deliveries", ListAsync)
            .Says("ListDeliveries", "What your webhooks were told, newest first", "With every attempt. What has ended is kept for 24 hours.")
            .Takes(Input.Text("webhookId", "Only those of this webhook.") with { Format = "uuid" }, Input.Word("status", "Only those in this state.", [.. Statuses.Keys.Order(StringComparer.Ordinal)]),
                Inputs.Limit, Inputs.After)
            .Answers(200, "A page of them.", new WebhookDeliveryList([Example]) { Next = Examples.QueryId.ToString() }, HaloJson.Default.WebhookDeliveryList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.");
        webhooks.MapGet("/deliveries/{deliveryId}", FindAsync)
            .Says("GetDelivery", "One delivery", "With every attempt.")
            .Answers(200, "Where it stands.", Example, HaloJson.Default.WebhookDelivery)
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message);
        webhooks.MapPost("/deliveries/{deliveryId}/redeliver", RedeliverAsync)
            .Says("Redeliver", "Have a delivery made again", "Whether it was delivered, given up or still waits. It is the same event: the receiver knows it by its id.")
            .Answers(202, "On its way.", Example, HaloJson.Default.WebhookDelivery)
            .Refuses(404, ErrorCodes.NotFound, Unknown.Message)
            .Refuses(409, ErrorCodes.Conflict, "Its webhook is disabled.");
    }

    static async Task<IResult> ListAsync(HttpContext http, string? webhookId, string? status, string? limit, string? after, DeliveryStore deliveries)
    {
        var faults = new List<FieldError>();
        Guid? webhook = null;
        if (webhookId is not null)
        {
            if (Guid.TryParse(webhookId, out var id))
                webhook = id;
            else
                faults.Add(new("webhookId", "must be the id of a webhook."));
        }
        var wanted = default(WebhookDeliveryStatus?);
        if (status is not null)
        {
            if (Statuses.TryGetValue(status, out var known))
                wanted = known;
            else
                faults.Add(new("status", $"must be one of {string.Join(", ", Statuses.Keys.Order(StringComparer.Ordinal))}."));
        }
        var items = ListApi.ReadLimit(limit, faults);
        var from = ListApi.ReadAfter(after, faults);
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        // One more than wanted tells whether there is a next page.
        var found = await deliveries.ListAsync(http.Integrator().Id, webhook, wanted, from, items + 1);
        return TypedResults.Json(new WebhookDeliveryList([.. found.Take(items).Select(d => d.Show())]) { Next = found.Count > items ? found[items - 1].Id.ToString() : null },
            HaloJson.Default.WebhookDeliveryList);
    }

    static async Task<IResult> FindAsync(HttpContext http, string deliveryId, DeliveryStore deliveries) =>
        await KnownAsync(http, deliveryId, deliveries) is { } delivery ? TypedResults.Json(delivery.Show(), HaloJson.Default.WebhookDelivery) : Unknown.ToResult();

    static async Task<IResult> RedeliverAsync(HttpContext http, string deliveryId, DeliveryStore deliveries, EventSignals signals)
    {
        if (await KnownAsync(http, deliveryId, deliveries) is not { } known)
            return Unknown.ToResult();
        var integrator = http.Integrator().Id;
        if (!await deliveries.RedeliverAsync(known, integrator))
            return new Refusal(409, ErrorCodes.Conflict, "The webhook of this delivery is disabled; enable it first.").ToResult();
        signals.Raise(integrator);
        var delivery = await KnownAsync(http, deliveryId, deliveries) ?? known;
        return TypedResults.Json(delivery.Show(), HaloJson.Default.WebhookDelivery, statusCode: 202);
    }

    static async Task<DeliveryRecord?> KnownAsync(HttpContext http, string deliveryId, DeliveryStore deliveries) =>
        Guid.TryParse(deliveryId, out var id) ? await deliveries.FindAsync(http.Integrator().Id, id) : null;
}
