using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Line;
using Microsoft.AspNetCore.Connections;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Errors;

/// <summary>Gives every error the contract's shape, the framework's own included. No stack trace ever leaves.</summary>
sealed partial class ErrorShape(RequestDelegate next, TimeProvider time, ILogger<ErrorShape> log)
{
    /// <summary>What the framework says beside an error's status.</summary>
    static readonly string[] OfErrors =
        [HeaderNames.Accept, HeaderNames.Allow, HeaderNames.Connection, HeaderNames.ContentRange, HeaderNames.RetryAfter, HeaderNames.SecWebSocketVersion, HeaderNames.WWWAuthenticate];

    readonly LogThrottle _storeAway = new(time, perMinute: 2);

    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
        }
        catch (BadHttpRequestException e) when (!http.Response.HasStarted)
        {
            await AnswerAsync(http, Shape(http, e.StatusCode));
            return;
        }
        catch (RefusedException e) when (!http.Response.HasStarted)
        {
            if (e.InnerException is { } cause)
                TellStoreAway(http, cause);
            await AnswerAsync(http, e.Refusal);
            return;
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        catch (IOException e) when (e is ConnectionResetException || http.RequestAborted.IsCancellationRequested)
        {
            // The caller's line broke while its body was read, as a Link's does: nobody is there to be told. Said to the server too, it does not try to read
            // the rest ("Reading is already in progress").
            http.Abort();
            return;
        }
        catch (Exception e) when (!http.Response.HasStarted && StorageException.Means(e))
        {
            TellStoreAway(http, e);
            http.Response.Clear();
            await AnswerAsync(http, IsQuery(http) ? Shape(http, 500) : Changes(http) && e is not StorageException { NothingStored: true } ? Refusal.StoreAwayMeanwhile : Refusal.StoreAway);
            return;
        }
        catch (Exception e) when (!http.Response.HasStarted && !IsQuery(http) && !http.Request.Path.StartsWithSegments("/link") && StorageException.RefersToNothing(e))
        {
            // Of a query it is not known how far it came, and to a Link 404 means something of its own: those are failures of the service.
            http.Response.Clear();
            await AnswerAsync(http, Refusal.RemovedMeanwhile);
            return;
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            // The exception's own text may hold what a driver was given: only its type and stack go to the log.
            LogFailure(e.GetType().FullName, http.Request.Method, RouteOf(http), e.StackTrace);
            http.Response.Clear();
            await AnswerAsync(http, Shape(http, 500));
            return;
        }
        var response = http.Response;
        if (response.StatusCode >= 400 && !response.HasStarted && (response.ContentLength is null or 0))
        {
            var shaped = Shape(http, response.StatusCode);
            if (response.StatusCode == StatusCodes.Status415UnsupportedMediaType)
                response.Headers.Accept = "application/json";
            // What stood there described a body that does not come, its coding for one.
            foreach (var name in response.Headers.Keys.Except(OfErrors, StringComparer.OrdinalIgnoreCase).ToList())
                response.Headers.Remove(name);
            await AnswerAsync(http, shaped);
        }
    }

    static async Task AnswerAsync(HttpContext http, Refusal refusal)
    {
        if (http.Features.Get<IErrorPages>() is not { } pages)
        {
            await refusal.ExecuteAsync(http);
            return;
        }
        try
        {
            await pages.WriteAsync(http, refusal);
        }
        catch (Exception) when (!http.Response.HasStarted)
        {
            // What is wrong may be in what every page has.
            http.Response.Clear();
            await refusal.ExecuteAsync(http);
        }
    }

    static bool Changes(HttpContext http) => !(HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method) || HttpMethods.IsOptions(http.Request.Method));

    static Refusal Shape(HttpContext http, int status) => status switch
    {
        404 => new(404, ErrorCodes.NotFound, $"There is no {http.Request.Method} {http.Request.Path}. The routes are listed at /docs."),
        405 => new(405, ErrorCodes.MethodNotAllowed,
            $"{http.Request.Path} does not know {http.Request.Method}. It takes {http.Response.Headers.Allow}."),
        412 => new(412, ErrorCodes.Conflict, "The condition of If-Match or If-Unmodified-Since does not hold."),
        416 => new(416, ErrorCodes.InvalidRequest, "The range begins beyond the end; Content-Range says how many bytes there are."),
        413 => new(413, ErrorCodes.RequestTooLarge, "The request's body is over the limit that GET /integrator/limits tells. Split it into several requests; nothing was done."),
        415 => new(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json."),
        500 when IsQuery(http) => new(500, ErrorCodes.InternalError,
            "The service failed, and the query may have run all the same. Look at GET …/queries before you send it again, and tell the service's operator the traceId."),
        500 when Changes(http) => new(500, ErrorCodes.InternalError, "The service failed. Tell its operator the traceId; a repeat may succeed, but look first whether this was done.") { MayBeDone = true },
        500 => new(500, ErrorCodes.InternalError, "The service failed. Tell its operator the traceId; a repeat may succeed."),
        503 => new(503, ErrorCodes.ServiceUnavailable, "The service is stopping or not ready. Try again shortly."),
        _ => new(status, ErrorCodes.InvalidRequest, "The request is malformed."),
    };

    /// <summary>Whether the request asks for work in a practice's database, which a repeat would do twice.</summary>
    static bool IsQuery(HttpContext http) =>
        HttpMethods.IsPost(http.Request.Method)
        && (http.Request.Path.StartsWithSegments("/integrator/sites", out var rest) && rest.Value!.Split('/') is [_, _, "queries", ..] || http.Request.Path == "/integrator/queries");

    void TellStoreAway(HttpContext http, Exception cause)
    {
        if (_storeAway.Lets(out var suppressed))
            LogStoreAway(cause.GetType().FullName, http.Request.Method, RouteOf(http), suppressed);
    }

    static string RouteOf(HttpContext http) =>
        (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(no route)";

    [LoggerMessage(1400, LogLevel.Error, "{Exception} in {Method} {Route}\n{Stack}")]
    partial void LogFailure(string? exception, string method, string route, string? stack);

    [LoggerMessage(1406, LogLevel.Warning, "The store cannot be used ({Exception}, at {Method} {Route}). Requests that need it are refused until it can. {Suppressed} similar messages were suppressed.")]
    partial void LogStoreAway(string? exception, string method, string route, int suppressed);
}
