using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Link.Settings;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Transport;

/// <summary>The Link's HTTP calls to the API.</summary>
/// <param name="http">With the API's address as its base.</param>
sealed class LinkHttpClient(HttpClient http, TimeProvider time, TimeSpan? callWithin = null, ClockDrift? drift = null)
{
    static readonly TimeSpan ShortestRetryAfter = TimeSpan.FromSeconds(1);
    static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(10);
    const int SlowestBytesPerSecond = 32 * 1024;
    const int LongestAnswer = 8 * 1024 * 1024, LongestMessage = 2 * 1024, LongestCode = 64;
    readonly TimeSpan _callWithin = callWithin ?? new ConnectionSettings().CallWithin;

    /// <summary>The way out: the proxy of the settings, else the system's, except to this machine itself.</summary>
    public static SocketsHttpHandler CreateHandler(Uri api, ProxySettings? proxy = null, CertificateCheck? certificates = null, TimeSpan? connectWithin = null) => new()
    {
        Proxy = proxy is null ? null : new WebProxy(proxy.Address)
        {
            Credentials = proxy.User is null ? null : new NetworkCredential(proxy.User, proxy.Password),
        },
        UseProxy = proxy is not null || !api.IsLoopback,
        SslOptions = { RemoteCertificateValidationCallback = certificates is null ? null : certificates.Accept },
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = connectWithin ?? new ConnectionSettings().CallWithin,
        // Sooner than a line is found dead (30 s): coming back takes no connection that idled while the network was gone.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
        // Uploads would keep a connection busy, and so open, to where the API was before its name moved.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    };

    /// <summary>A client for <paramref name="api"/> over <paramref name="handler"/>.</summary>
    public static HttpClient CreateClient(Uri api, HttpMessageHandler handler) =>
        new(handler, disposeHandler: false) { BaseAddress = WithSlash(api), Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = LongestAnswer };

    /// <summary>The address of a path of the API, which may itself stand under a path.</summary>
    public static Uri At(Uri api, string path) => new(WithSlash(api), path.TrimStart('/'));

    /// <summary>A single-use nonce.</summary>
    public async Task<string> NonceAsync(CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Relative(LinkHttp.NoncePath));
        return (await CallAsync(request, ProtocolJson.Default.NonceResponse, stop)).Content.Nonce;
    }

    /// <summary>Makes the Link known; the delay says how long to wait before asking again where it waits for approval.</summary>
    public async Task<(EnrolResponse Content, TimeSpan? RetryAfter)> EnrolAsync(byte[] body, string nonce, string proof, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Relative(LinkHttp.EnrolPath));
        request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        request.Headers.Add(LinkHttp.NonceHeader, nonce);
        request.Headers.Add(LinkHttp.ProofHeader, proof);
        return await CallAsync(request, ProtocolJson.Default.EnrolResponse, stop);
    }

    /// <summary>An access token for a signed assertion.</summary>
    public async Task<TokenResponse> TokenAsync(string assertion, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Relative(LinkHttp.TokenPath));
        request.Content = new FormUrlEncodedContent([new("grant_type", LinkHttp.JwtBearerGrant), new("assertion", assertion)]);
        return (await CallAsync(request, ProtocolJson.Default.TokenResponse, stop)).Content;
    }

    /// <summary>Says that this Link was uninstalled.</summary>
    public async Task UninstallAsync(string token, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Relative(LinkHttp.UninstallPath));
        request.Headers.Authorization = new("Bearer", token);
        await SendAsync(request, stop);
    }

    /// <summary>Which version the API wants.</summary>
    /// <param name="turn">Asks for the Link's turn with a version: <see cref="LinkHttp.KeepTurn"/> or <see cref="LinkHttp.BeginTurn"/>; null: it only asks.</param>
    public Task<UpdateTarget> UpdateAsync((string Step, string Version)? turn, Func<string?, CancellationToken, ValueTask<string>> token, CancellationToken stop)
    {
        var path = turn is { } wanted ? $"{LinkHttp.UpdatePath}?turn={wanted.Step}&version={Uri.EscapeDataString(wanted.Version)}" : LinkHttp.UpdatePath;
        return WithTokenAsync(() => new(HttpMethod.Get, Relative(path)), ProtocolJson.Default.UpdateTarget, _callWithin, token, stop);
    }

    /// <summary>What is registered at the Link's sites.</summary>
    public Task<RegisteredList> RegisteredAsync(Func<string?, CancellationToken, ValueTask<string>> token, CancellationToken stop) =>
        WithTokenAsync(() => new(HttpMethod.Get, Relative(LinkHttp.RegisteredPath)), ProtocolJson.Default.RegisteredList, _callWithin, token, stop);

    /// <summary>One registered query; null: it has ended.</summary>
    public async Task<RegisteredDefinition?> RegisteredAsync(Guid id, Func<string?, CancellationToken, ValueTask<string>> token, CancellationToken stop)
    {
        try
        {
            return await WithTokenAsync(() => new(HttpMethod.Get, Relative(LinkHttp.RegisteredPathOf(id))), ProtocolJson.Default.RegisteredDefinition, _callWithin, token, stop);
        }
        catch (ApiRefusedException e) when (e is { ByApi: true, Status: HttpStatusCode.Gone })
        {
            return null;
        }
    }

    /// <summary>Tells what a run of a registered query gave.</summary>
    /// <param name="rows">Compressed; empty: they have not changed.</param>
    public Task<RegisteredAck> ReportAsync(Guid id, RegisteredReport report, ReadOnlyMemory<byte> rows, Func<string?, CancellationToken, ValueTask<string>> token, CancellationToken stop)
    {
        var head = JsonSerializer.SerializeToUtf8Bytes(report, ProtocolJson.Default.RegisteredReport);
        var body = new byte[AnswerPayload.LengthBytes + head.Length + rows.Length];
        rows.CopyTo(body.AsMemory(AnswerPayload.WriteHead(body, head)));
        // As many bytes in a second as of a page, at the least.
        var within = _callWithin + TimeSpan.FromSeconds(body.Length / SlowestBytesPerSecond);
        return WithTokenAsync(
            () => new(HttpMethod.Put, Relative(LinkHttp.RegisteredReportPath(id))) { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/octet-stream") } } },
            ProtocolJson.Default.RegisteredAck, within, token, stop);
    }

    /// <summary>A token that is refused is replaced, once.</summary>
    async Task<T> WithTokenAsync<T>(Func<HttpRequestMessage> request, JsonTypeInfo<T> type, TimeSpan within, Func<string?, CancellationToken, ValueTask<string>> token, CancellationToken stop)
    {
        string? refused = null;
        while (true)
        {
            var bearer = await token(refused, stop);
            using var message = request();
            message.Headers.Authorization = new("Bearer", bearer);
            try
            {
                return (await CallAsync(message, type, stop, within)).Content;
            }
            catch (ApiRefusedException e) when (e is { ByApi: true, Status: HttpStatusCode.Unauthorized } && refused is null)
            {
                refused = bearer;
            }
        }
    }

    async Task<(T Content, TimeSpan? RetryAfter)> CallAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken stop, TimeSpan? within = null)
    {
        var (content, retryAfter) = await SendAsync(request, stop, within);
        try
        {
            return (JsonSerializer.Deserialize(content, type) ?? throw new JsonException(), retryAfter);
        }
        catch (JsonException)
        {
            throw new ApiRefusedException(HttpStatusCode.OK, Foreign("a page"), byApi: false);
        }
    }

    async Task<(byte[] Content, TimeSpan? RetryAfter)> SendAsync(HttpRequestMessage request, CancellationToken stop, TimeSpan? within = null)
    {
        using var tooLong = new CancellationTokenSource(within ?? _callWithin, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop, tooLong.Token);
        try
        {
            using var response = await http.SendAsync(request, limit.Token);
            var content = await response.Content.ReadAsByteArrayAsync(limit.Token);
            if (!response.IsSuccessStatusCode)
                throw Refusal(response, content);
            drift?.Heard(response.Headers.Date);
            return (content, RetryAfter(response));
        }
        catch (SocketException e)
        {
            // Cut in the moment in which it was made: the handler asks it for its other end, and lets the answer through as it is.
            throw new HttpRequestException(e.Message, e);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new HttpRequestException(string.Create(CultureInfo.InvariantCulture, $"{http.BaseAddress!.IdnHost}:{http.BaseAddress.Port} did not answer within {_callWithin.TotalSeconds:0.#} seconds: a firewall drops the connection, or the API or the proxy is down"));
        }
    }

    /// <summary>In the API's own words; where the answer has none it is not the API's, but somebody's on the way.</summary>
    ApiRefusedException Refusal(HttpResponseMessage response, byte[] content)
    {
        if (Read(content) is { } error)
        {
            drift?.Heard(response.Headers.Date);
            return new(response.StatusCode, error.Message, RetryAfter(response), error.Code);
        }
        var what = string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)response.StatusCode} {TextBound.Cut(response.ReasonPhrase ?? "", LongestCode)}").TrimEnd();
        return new(response.StatusCode, response.StatusCode == HttpStatusCode.ProxyAuthenticationRequired
            ? $"The proxy on the way asks who is there ({what}): write user and password to the settings proxy.user and proxy.password, beside proxy.address."
            : Foreign(what), RetryAfter(response), byApi: false);
    }

    string Foreign(string what) =>
        $"Not the Halo API has answered for {http.BaseAddress!.IdnHost}:{http.BaseAddress.Port}, but a proxy, gateway or firewall on the way, or another service: {what}. "
        + "Check the settings api and proxy, and ask who runs the network to let this machine through.";

    /// <summary>As long as the other end asks, within reason: it may be a proxy that means a day, and 0 would be no wait at all.</summary>
    static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter?.Delta is not { } asked ? null
        : asked < ShortestRetryAfter ? ShortestRetryAfter
        : asked > LongestRetryAfter ? LongestRetryAfter
        : asked;

    static ApiError? Read(byte[] content)
    {
        try
        {
            if (JsonSerializer.Deserialize(content, HaloJson.Default.ErrorResponse)?.Error is { Message.Length: > 0 } error)
                return error with { Message = TextBound.Cut(error.Message, LongestMessage), Code = error.Code is { } code ? TextBound.Cut(code, LongestCode) : null! };
        }
        catch (JsonException)
        {
            // A proxy's own page, most likely: the status is all that is to be had from it.
        }
        return null;
    }

    static string Relative(string path) => path.TrimStart('/');

    static Uri WithSlash(Uri api) => new(api.AbsoluteUri.TrimEnd('/') + "/");
}

/// <summary>The API, or something on the way to it, answered, and it was no.</summary>
/// <param name="byApi">Whether the words are the API's own: what a proxy says means nothing of the Link's rights.</param>
sealed class ApiRefusedException(HttpStatusCode status, string message, TimeSpan? retryAfter = null, string? code = null, bool byApi = true) : Exception(message)
{
    /// <summary>False: a proxy's or gateway's answer, in words of ours that say so.</summary>
    public bool ByApi { get; } = byApi;

    public HttpStatusCode Status { get; } = status;

    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>The API's own word for it; null where it gave none.</summary>
    public string? Code { get; } = code;
}

/// <summary>The session cannot be had now, for a reason that somebody can put right.</summary>
/// <param name="reason">A word that stays the same while the reason does.</param>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="retryAfter">When to try again; null: with backoff.</param>
sealed class NotAdmittedException(string reason, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    public string Reason { get; } = reason;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}
