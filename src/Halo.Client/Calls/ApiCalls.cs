using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Client.Calls;

/// <summary>Sends requests, and again where that is safe: after the time that the service asks for, else after waits that double.</summary>
sealed class ApiCalls(HttpClient http, HaloClientOptions options)
{
    static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(200), LongestWait = TimeSpan.FromSeconds(5);

    readonly Uri _root = new(options.Address!.AbsoluteUri.TrimEnd('/') + "/");

    public HaloClientOptions Options => options;

    /// <summary>Sends a request and reads its answer as JSON, whole.</summary>
    public Task<T> JsonAsync<T>(Repeats repeats, Func<HttpRequestMessage> make, JsonTypeInfo<T> type, CancellationToken stop, TimeSpan longer = default) => SendAsync(repeats, make, async (response, lost) =>
    {
        using (response)
        {
            var body = await ReadAsync(response, lost);
            try
            {
                if (JsonSerializer.Deserialize(body, type) is { } answer)
                    return answer;
            }
            catch (JsonException)
            {
                // As null: not what the service says.
            }
            throw Failures.Of(response, [], options.TimeProvider);
        }
    }, stop, longer);

    /// <summary>Sends a request and hands its answer to <paramref name="read"/>, which disposes of it.</summary>
    /// <param name="read">Reads an answer of success; an <see cref="IOException"/> of it is a fault of the connection. Its token is called when nothing comes any more.</param>
    /// <param name="longer">What the request itself asks to wait, beside the patience with every answer.</param>
    public async Task<T> SendAsync<T>(
        Repeats repeats, Func<HttpRequestMessage> make, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken stop, TimeSpan longer = default)
    {
        // Counted from the first failure: a write that took its time is asked for again as any other.
        var failed = 0L;
        var isDoubtful = false;
        for (var attempt = 0; ; attempt++)
        {
            HaloException failure;
            using (var lost = new CancellationTokenSource(options.AnswerTimeout + longer, options.TimeProvider))
            using (var either = CancellationTokenSource.CreateLinkedTokenSource(lost.Token, stop))
            {
                try
                {
                    return await SendOnceAsync(make, read, either.Token);
                }
                catch (HaloException e)
                {
                    failure = e;
                }
                catch (Exception e) when (!stop.IsCancellationRequested && IsFault(e))
                {
                    failure = Failures.Of(e);
                }
                catch (Exception e) when (IsFault(e))
                {
                    throw new OperationCanceledException(e.Message, e, stop);
                }
            }
            if (attempt == 0)
                failed = options.TimeProvider.GetTimestamp();
            // An earlier attempt may have been carried out, whatever the last one met; that of its key the service alone can deny.
            isDoubtful |= failure.Executed == Executed.Unknown && repeats != Repeats.ExecutesNothing;
            // Where nothing ran the service frees the key, and an attempt that is still on its way may run.
            var isKnown = repeats == Repeats.Keyed && failure is { Query: not null } and not { Status: HttpStatusCode.ServiceUnavailable, Executed: Executed.No };
            if (repeats == Repeats.ExecutesNothing)
                failure = failure.With(executed: Executed.No);
            else if (isDoubtful && !isKnown)
                failure = failure.With(executed: Executed.Unknown);
            var wait = failure.RetryAfter ?? Backoff(attempt);
            if (!MayRepeat(failure, repeats) || options.TimeProvider.GetElapsedTime(failed) + wait > options.RetryTimeout)
                throw failure;
            Telemetry.Repeated(failure);
            await Task.Delay(wait, options.TimeProvider, stop);
        }
    }

    public HttpRequestMessage Request(HttpMethod method, string path, byte[]? body = null)
    {
        var request = new HttpRequestMessage(method, new Uri(_root, path))
        {
            Headers = { { "Ocp-Apim-Subscription-Key", options.Key } },
        };
        if (body is not null)
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
        return request;
    }

    /// <summary>Of the connection, or the end of the patience with it. A connection that is reset while HttpClient makes it comes as a bare <see cref="SocketException"/>.</summary>
    static bool IsFault(Exception fault) => fault is HttpRequestException or IOException or SocketException or OperationCanceledException;

    async Task<T> SendOnceAsync<T>(Func<HttpRequestMessage> make, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken stop)
    {
        using var request = make();
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        if (response.IsSuccessStatusCode)
            return await read(response, stop);
        using (response)
            throw Failures.Of(response, await ReadAsync(response, stop), options.TimeProvider);
    }

    static Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken stop) => response.Content.ReadAsByteArrayAsync(stop);

    static bool MayRepeat(HaloException failure, Repeats repeats) => failure switch
    {
        { IsTransient: false } => false,
        // Refused before there was anything to execute.
        { Status: HttpStatusCode.TooManyRequests } => true,
        { Status: null or HttpStatusCode.ServiceUnavailable, Executed: Executed.No } => true,
        { Code: HaloExceptionCodes.NotConnected or HaloExceptionCodes.ConnectionLost or HaloExceptionCodes.UnknownAnswer } => repeats != Repeats.WhenNothingRan,
        // The service's own words before there is a query: a key or a caller that does not mind makes them harmless.
        { Status: HttpStatusCode.ServiceUnavailable, Query: null } => repeats != Repeats.WhenNothingRan,
        { Code: not FailureCodes.ExecutionTimeout } => repeats == Repeats.Freely,
        _ => false,
    };

    /// <summary>Full jitter: callers that lost the service together do not come back together.</summary>
    static TimeSpan Backoff(int attempt)
    {
        var longest = Math.Min(LongestWait.TotalMilliseconds, FirstWait.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 10)));
        return TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32((int)longest / 4, (int)longest + 1));
    }
}
