using System.IO.Pipelines;
using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api.Capacity;

/// <summary>Reads bodies of requests whole, up to a bound; of integrators' within what the service holds of them all together, and in the time that a caller may take to send one.</summary>
/// <remarks>Bytes are counted as they arrive and not as they are announced, until the request is answered: nobody gets memory for a promise.</remarks>
sealed class RequestBodies(QueryLimits limits, TimeProvider time)
{
    /// <summary>Bytes that a caller has to send in a second, on the whole.</summary>
    public const int SlowestBytesPerSecond = 32 * 1024;

    const int FirstBytes = 4096;

    /// <summary>
    /// Of a body over the bound so much more is read and thrown away before the 413: a caller who sends first and reads then would otherwise find a reset
    /// connection where the answer was. Whoever sends still more is cut off.
    /// </summary>
    const long DrainedBytes = 16 * 1024 * 1024;

    readonly long _total = Math.Max(limits.RequestMemoryBytes, limits.RequestBytes);
    long _used;

    /// <summary>Bytes that are held.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>The JSON body of an integrator's request, or why there is none.</summary>
    public async Task<(ReadOnlyMemory<byte> Body, Refusal? Refusal)> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentType is { Length: > 0 } type && !type.Contains("json", StringComparison.OrdinalIgnoreCase))
            return (default, new Refusal(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json."));
        var (body, refusal) = await ReadAsync(http, limits.RequestBytes, this);
        return (body ?? default, refusal);
    }

    /// <summary>Any bytes up to a bound of their own, counted as all bodies are, or why there are none.</summary>
    public Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadAsync(HttpContext http, int limit) => ReadAsync(http, limit, this);

    /// <summary>The body of a request whose bound is so small that it need not be counted, or why there is none.</summary>
    public static Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadSmallAsync(HttpContext http, int limit) => ReadAsync(http, limit, null);

    /// <summary>The bytes, or what refuses them: 413 beyond the bound, 503 without room for them, 408 where they come too slowly.</summary>
    /// <param name="memory">What counts them; null: nobody does.</param>
    static async Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadAsync(HttpContext http, int limit, RequestBodies? memory)
    {
        if (UnsupportedForm(http) is { } unsupported)
            return (null, unsupported);
        // Who asks first (Expect: 100-continue) has sent nothing yet, and who announces too much will not be heard out.
        var announced = http.Request.ContentLength ?? 0;
        if (announced > limit && (announced > limit + DrainedBytes || http.Request.Headers.Expect.Count > 0))
            return (null, TooLarge(limit));
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } most)
            most.MaxRequestBodySize = limit + DrainedBytes;
        // Not as many as are announced: a caller that sends nothing shall hold nothing.
        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? FirstBytes, FirstBytes));
        var share = memory?.Begin(http);
        var reader = http.Request.BodyReader;
        CancellationTokenSource? patience = null;
        CancellationTokenRegistration tooLate = default;
        var total = 0L;
        try
        {
            while (true)
            {
                if (!reader.TryRead(out var read))
                {
                    if (memory is not null && patience is null)
                    {
                        patience = memory.StartWaiting(http.Request.ContentLength ?? limit);
                        tooLate = patience.Token.UnsafeRegister(static r => ((PipeReader)r!).CancelPendingRead(), reader);
                    }
                    try
                    {
                        read = await reader.ReadAsync(http.RequestAborted);
                    }
                    catch (IOException e) when (LineBroke(e) is { } broke)
                    {
                        throw broke;
                    }
                }
                if (read.IsCanceled)
                {
                    reader.AdvanceTo(read.Buffer.End);
                    http.Response.Headers.Connection = "close";
                    return (null, TooSlow);
                }
                total += read.Buffer.Length;
                if (total <= limit && announced <= limit)
                    foreach (var segment in read.Buffer)
                        body.Write(segment.Span);
                reader.AdvanceTo(read.Buffer.End);
                if (total > limit + DrainedBytes || read.IsCompleted && total > limit)
                    return (null, TooLarge(limit));
                if (share?.Hold(body.Capacity) is { } full)
                    return (null, full);
                if (read.IsCompleted)
                    return (body.GetBuffer().AsMemory(0, (int)body.Length), null);
            }
        }
        finally
        {
            // Waited for where it runs. Once the time was over, the next one that reads from this connection might find itself cancelled.
            await tooLate.DisposeAsync();
            if (patience is { IsCancellationRequested: true } && !http.Response.HasStarted)
                http.Response.Headers.Connection = "close";
            patience?.Dispose();
        }
    }

    /// <summary>
    /// What reading a body threw, where its sender is gone, as the one exception that says so. Over TLS the server throws whatever the encryption met, which is
    /// told apart from a fault of the service's own files nowhere else.
    /// </summary>
    /// <returns>Null: it is something else, or says so already.</returns>
    public static ConnectionResetException? LineBroke(IOException e) =>
        e is BadHttpRequestException or ConnectionResetException ? null : new("The sender's line broke within the body.", e);

    /// <summary>415 where the body is compressed, or text in another character set: what is supported is named in the header that RFC 9110 has for it.</summary>
    static Refusal? UnsupportedForm(HttpContext http)
    {
        var coding = http.Request.Headers.ContentEncoding.ToString();
        if (coding.Length > 0 && !coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            http.Response.Headers.AcceptEncoding = "identity";
            return new(415, ErrorCodes.UnsupportedMediaType, "The request's body has a content coding (Content-Encoding). Send it without one. Nothing ran.");
        }
        if (http.Request.GetTypedHeaders().ContentType?.Charset is { Length: > 0 } charset && !charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            && !charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase) && !charset.Equals("us-ascii", StringComparison.OrdinalIgnoreCase))
        {
            http.Response.Headers.Accept = "application/json; charset=utf-8";
            return new(415, ErrorCodes.UnsupportedMediaType, "The request's body names a character set (charset of Content-Type) other than UTF-8. Send it in UTF-8. Nothing ran.");
        }
        return null;
    }

    static readonly Refusal TooSlow = new(408, ErrorCodes.InvalidRequest, "The request's body came too slowly. Nothing ran; send it again.");

    static Refusal TooLarge(int limit) =>
        new(413, ErrorCodes.RequestTooLarge, $"The request's body is over the limit of {limit} bytes. Split it into several requests; nothing was done.");

    /// <summary>For one request, whose end gives back what it took.</summary>
    Share Begin(HttpContext http)
    {
        var share = new Share(this);
        http.Response.RegisterForDispose(share);
        return share;
    }

    /// <summary>How long the whole of a body may take.</summary>
    CancellationTokenSource StartWaiting(long bytes) =>
        new(TimeSpan.FromMilliseconds(limits.SlowReaderMs) + TimeSpan.FromSeconds((double)bytes / SlowestBytesPerSecond), time);

    /// <summary>What one request holds.</summary>
    sealed class Share(RequestBodies memory) : IDisposable
    {
        long _held;

        /// <summary>It takes so many in all.</summary>
        /// <returns>The refusal, where there is no room.</returns>
        public Refusal? Hold(long bytes)
        {
            if (Interlocked.Add(ref memory._used, bytes - _held) > memory._total && bytes > _held)
            {
                Interlocked.Add(ref memory._used, _held - bytes);
                return new Refusal(503, ErrorCodes.QueueFull, "As many bytes of requests are being worked on as may. Nothing ran; try again shortly.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }
            _held = bytes;
            return null;
        }

        /// <summary>Gives everything back.</summary>
        public void Dispose() => Hold(0);
    }
}
