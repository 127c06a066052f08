using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Link.Observability;
using Halo.LinkProtocol.Enrolment;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Pages.Upload;

/// <summary>Puts pages from the spool to the API, a few at a time, again and again until each is delivered or can never be.</summary>
/// <param name="http">With the API's address as its base, and without a timeout of its own: a page is given up when it makes no progress.</param>
/// <param name="standAside">Returns when nothing more urgent wants the uplink.</param>
sealed partial class Uploader(
    HttpClient http,
    AccessToken token,
    Func<CancellationToken, ValueTask> standAside,
    Spool spool,
    UploadOptions options,
    TimeProvider time,
    Random random,
    ILogger<Uploader> logger) : IDisposable
{
    /// <summary>Bytes that a refusal may have to be read.</summary>
    const int MostOfRefusal = 64 * 1024;

    readonly SemaphoreSlim _places = new(options.AtOnce);
    readonly Lock _sizing = new();
    int _atOnce = options.AtOnce;
    int _tooMany;
    readonly Lock _randomLock = new();
    int _failing;

    /// <summary>Pages that one query may have on their way at once.</summary>
    internal int AtOnce => Volatile.Read(ref _atOnce);

    /// <summary>From now on so many pages at once, of all queries; what is on its way goes on.</summary>
    public void Resize(int atOnce)
    {
        lock (_sizing)
        {
            for (; _atOnce < atOnce; _atOnce++)
                GiveBack();
            for (; _atOnce > atOnce; _atOnce--)
                if (!_places.Wait(0))
                    _tooMany++;
        }
    }

    /// <summary>Delivers one page.</summary>
    /// <param name="claimId">Asked before each try: a second claim replaces the first.</param>
    /// <returns>Never <see cref="UploadEnd.Stopped"/>: that is an <see cref="OperationCanceledException"/>.</returns>
    public async Task<UploadEnd> UploadAsync(Guid queryId, Func<Guid> claimId, int page, CancellationToken stop)
    {
        await _places.WaitAsync(stop);
        try
        {
            string? refused = null;
            var damaged = 0;
            for (var attempt = 0; ; attempt++)
            {
                var (end, refusedNow) = await TryAsync(queryId, claimId(), page, refused, stop);
                if (end is { } final && (final != UploadEnd.Damaged || ++damaged == options.DamagedTries))
                    return final;
                Telemetry.PageRetried();
                // A refused token is replaced and tried at once, one time; after that it waits like everything else.
                if (refusedNow is null || refused is not null)
                    await Task.Delay(NextWait(attempt), time, stop);
                refused = refusedNow;
            }
        }
        finally
        {
            lock (_sizing)
                GiveBack();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    /// <summary>A place is free, unless there are to be fewer. Under the lock.</summary>
    void GiveBack()
    {
        if (_tooMany > 0)
            _tooMany--;
        else
            _places.Release();
    }

    async Task<(UploadEnd? End, string? RefusedToken)> TryAsync(Guid queryId, Guid claimId, int page, string? refused, CancellationToken stop)
    {
        using var stalled = new CancellationTokenSource(options.Stall, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stalled.Token, stop);
        SpooledPageContent? content = null;
        try
        {
            var bearer = await token(refused, either.Token);
            content = new SpooledPageContent(spool.OpenPage(queryId, page), async piece =>
            {
                await standAside(piece);
                stalled.CancelAfter(options.Stall);
            });
            using var request = Request(queryId, claimId, page, bearer, content);
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var judged = answer.StatusCode == HttpStatusCode.Conflict && await IsSettledAsync(answer, either.Token)
                ? (UploadEnd.Settled, null) : Judge(queryId, page, answer.StatusCode, bearer);
            if (judged.End == UploadEnd.Delivered)
                Telemetry.PageDelivered(content.Info.CompressedSize);
            return judged;
        }
        catch (Exception e) when (e is PageDamagedException or FileNotFoundException or DirectoryNotFoundException || content is { Damaged: true })
        {
            LogLost(queryId, page);
            return (UploadEnd.Lost, null);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            // Whatever it is: a connection that is cut in the moment in which it is made gives a bare SocketException.
            Failing(e.GetType().Name);
            return (null, null);
        }
        finally
        {
            content?.Dispose();
        }
    }

    (UploadEnd? End, string? RefusedToken) Judge(Guid queryId, int page, HttpStatusCode status, string bearer)
    {
        switch ((int)status)
        {
            case >= 200 and < 300:
                if (Interlocked.Exchange(ref _failing, 0) == 1)
                    LogRecovered();
                spool.MarkSent(queryId, page);
                return (UploadEnd.Delivered, null);
            case 401:
                return (null, bearer);
            case 422:
                LogDamaged(queryId, page);
                return (UploadEnd.Damaged, null);
            case >= 400 and < 500 and not (408 or 425 or 429):
                LogRefused(queryId, page, (int)status);
                return (UploadEnd.Refused, null);
            default:
                Failing(((int)status).ToString(CultureInfo.InvariantCulture));
                return (null, null);
        }
    }

    /// <summary>Two things are a 409: the query is settled, or another page stands there already.</summary>
    static async Task<bool> IsSettledAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        try
        {
            await answer.Content.LoadIntoBufferAsync(MostOfRefusal, stop);
            var said = await JsonSerializer.DeserializeAsync(await answer.Content.ReadAsStreamAsync(stop), HaloJson.Default.ErrorResponse, stop);
            return said?.Error?.Code == ErrorCodes.Gone;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static HttpRequestMessage Request(Guid queryId, Guid claimId, int page, string bearer, SpooledPageContent content)
    {
        var info = content.Info;
        var request = new HttpRequestMessage(HttpMethod.Put, new Uri(LinkHttp.PagePath(queryId, page), UriKind.Relative)) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        request.Headers.Add(LinkHttp.ClaimHeader, claimId.ToString());
        request.Headers.Add(LinkHttp.RowsStartHeader, info.RowStart.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(LinkHttp.RowsCountHeader, info.RowCount.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(LinkHttp.SizeHeader, info.JsonSize.ToString(CultureInfo.InvariantCulture));
        return request;
    }

    /// <summary>Full jitter: anything between nothing and an end that doubles.</summary>
    TimeSpan NextWait(int attempt)
    {
        var end = Math.Min(options.LongestWait.TotalMilliseconds, options.FirstWait.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 30)));
        lock (_randomLock)
            return TimeSpan.FromMilliseconds(random.NextDouble() * end);
    }

    void Failing(string why)
    {
        if (Interlocked.Exchange(ref _failing, 1) == 0)
            LogFailing(why);
    }

    [LoggerMessage(2301, LogLevel.Warning, "Pages cannot be delivered now ({Why}); trying again until the upload limit.")]
    partial void LogFailing(string why);

    [LoggerMessage(2302, LogLevel.Information, "Pages are delivered again.")]
    partial void LogRecovered();

    [LoggerMessage(2303, LogLevel.Warning, "The API refused page {Page} of query {QueryId} with status {Status}.")]
    partial void LogRefused(Guid queryId, int page, int status);

    [LoggerMessage(2305, LogLevel.Warning, "Page {Page} of query {QueryId} was damaged on its way to the API: look at the network and its proxies.")]
    partial void LogDamaged(Guid queryId, int page);

    [LoggerMessage(2304, LogLevel.Error, "Page {Page} of query {QueryId} is not in the spool or damaged.")]
    partial void LogLost(Guid queryId, int page);
}
