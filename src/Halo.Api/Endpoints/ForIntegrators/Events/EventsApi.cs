using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Events;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;

namespace Halo.Api.Endpoints.ForIntegrators.Events;

/// <summary>Events as they happen, over a response that stays open.</summary>
static class EventsApi
{
    const string LastHeader = "Last-Event-ID";

    public static void MapEventsApi(this IEndpointRouteBuilder routes) => routes.MapGet("/integrator/events", Follow).WithTags("Events")
        .Says("FollowEvents", "Events as they happen (Server-Sent Events)",
            "Each has its number as id. Go on with it as Last-Event-ID after a break: what happened meanwhile comes first, for 24 hours. stream.opened begins it; "
            + "events.lost begins it where what follows your number is not kept any more; ping comes every 15 seconds.")
        .Takes(Input.Header(LastHeader, "The id of the last event that you have; absent: from now on.", "42"),
            Input.Text("types", "Only events of these types, with commas between.", $"{EventTypes.QueryCompleted},{EventTypes.QueryFailed}"))
        .AnswersRows(200, "The stream.", new RowsExample("text/event-stream", "event: query.completed\nid: 43\ndata: {…}\n\n"))
        .Refuses(400, ErrorCodes.InvalidRequest, "Last-Event-ID: must be the id of an event of this stream.")
        .Refuses(429, ErrorCodes.TooManyRequests, "You have as many event streams open as are allowed.");

    static IResult Follow(HttpContext http, string? types, EventStreams streams)
    {
        var faults = new List<FieldError>();
        long? after = null;
        if (http.Request.Headers[LastHeader].ToString() is { Length: > 0 } text)
        {
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                after = number;
            else
                faults.Add(new(LastHeader, "must be the id of an event of this stream."));
        }
        var wanted = types?.Split(',', StringSplitOptions.TrimEntries).ToList();
        if (wanted?.Any(t => !EventTypes.All.Contains(t)) == true)
            faults.Add(new("types", $"must be one or more of {string.Join(", ", EventTypes.All)}, with commas between."));
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        if (RequestMethods.IsHead(http))
            return TypedResults.Content("", "text/event-stream");
        var (stream, refusal) = streams.Open(http.Caller(), after, wanted, http.RequestAborted);
        if (stream is null)
            return refusal!.ToResult();
        // Some proxies would gather what is said before they pass it on.
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(stream);
    }
}
