using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Ledger.Events;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Events;

/// <summary>Posts one event to one webhook, once.</summary>
sealed class WebhookSender(AddressGuard guard, TimeProvider time) : IDisposable
{
    /// <summary>For the whole of a try.</summary>
    public static readonly TimeSpan Within = TimeSpan.FromSeconds(5);

    // A proxy would resolve names itself, behind the guard.
    readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ActivityHeadersPropagator = null,
        ConnectCallback = guard.ConnectAsync,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = 64,
        MaxResponseDrainSize = 16 * 1024,
        ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.None },
    });

    public void Dispose() => _client.Dispose();

    /// <summary>Tries it.</summary>
    /// <returns>What came of it, and how long the receiver asks to wait.</returns>
    /// <exception cref="OperationCanceledException">The service stops.</exception>
    public async Task<(WebhookAttempt Attempt, TimeSpan? RetryAfter)> SendAsync(WebhookRecord webhook, IReadOnlyList<StoredSecret> secrets, DeliveryRecord delivery, CancellationToken stop)
    {
        var (at, started) = (time.GetUtcNow(), time.GetTimestamp());
        using var limit = new CancellationTokenSource(Within, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            using var request = Request(webhook, secrets, delivery, at);
            using var response = await _client.SendAsync(request, ending.Token);
            var attempt = Attempt() with { HttpStatus = (int)response.StatusCode };
            return response.IsSuccessStatusCode ? (attempt, null) : (attempt with { Error = Words(response) }, Asked(response.Headers.RetryAfter, at));
        }
        // Whatever it is: a webhook that cannot be tried is one that failed, and is given up some time.
        catch (Exception e)
        {
            stop.ThrowIfCancellationRequested();
            return (Attempt() with { Error = limit.IsCancellationRequested ? $"No answer within {Within.TotalSeconds:0} seconds." : Words(e) }, null);
        }

        WebhookAttempt Attempt() => new(at, (long)time.GetElapsedTime(started).TotalMilliseconds);
    }

    static HttpRequestMessage Request(WebhookRecord webhook, IReadOnlyList<StoredSecret> secrets, DeliveryRecord delivery, DateTimeOffset now)
    {
        var body = Body(delivery.Event);
        var request = new HttpRequestMessage(HttpMethod.Post, WebhookAddress.Fill(webhook.Url, delivery.Event.Show())) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("User-Agent", $"Halo/{ProductVersion.Text}");
        request.Headers.TryAddWithoutValidation("X-Halo-Event", delivery.Event.Type);
        request.Headers.TryAddWithoutValidation("X-Halo-Sequence", delivery.Sequence.ToString(CultureInfo.InvariantCulture));
        foreach (var (name, value) in WebhookSignature.Headers(webhook.Style, secrets, delivery.Event.Id, now, body))
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    /// <summary>Of one event always the same bytes.</summary>
    static byte[] Body(StoredEvent happened)
    {
        var shown = happened.Show();
        return happened is { Type: EventTypes.QueryCompleted, SiteId: { } site } && shown.Data is { QueryId: { } query, Source: { } source }
            ? JsonSerializer.SerializeToUtf8Bytes(
                new QueryNotification(shown.Id, shown.OccurredAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'+00:00'", CultureInfo.InvariantCulture), site, query, source),
                HaloJson.Default.QueryNotification)
            : JsonSerializer.SerializeToUtf8Bytes(shown, HaloJson.Default.HaloEvent);
    }

    static TimeSpan? Asked(RetryConditionHeaderValue? header, DateTimeOffset now) => header?.Delta ?? header?.Date - now;

    static string Words(HttpResponseMessage response) => (int)response.StatusCode is >= 300 and < 400
        ? $"Answered {(int)response.StatusCode}; redirects are not followed."
        : $"Answered {(int)response.StatusCode}.";

    /// <summary>Without what the exception itself says: it may name addresses behind the receiver's name.</summary>
    static string Words(Exception e) => e switch
    {
        ForbiddenAddressException or { InnerException: ForbiddenAddressException } => "The host has no public address; webhooks call no private, loopback or reserved one.",
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } or { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } }
            => "The host's name does not resolve.",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } or AuthenticationException => "TLS could not be agreed on; check that the certificate is valid for the host.",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => "No connection could be made.",
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded } => "The answer was not HTTP, or its headers were too long.",
        UriFormatException => "The address cannot be used for this event: without {queryId} or {source} it is none.",
        _ => "The connection ended before there was an answer.",
    };
}
