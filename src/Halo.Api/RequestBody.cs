using System.IO.Pipelines;
using Halo.Api.Errors;
using Halo.Contracts.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api;

/// <summary>Reads a request's body whole, up to a bound.</summary>
public static class RequestBody
{
    /// <summary>
    /// Of a body that is refused so much more is read and thrown away before the answer: a caller who sends first and reads then would otherwise find a reset
    /// connection where the answer was. Whoever sends still more is cut off.
    /// </summary>
    const long DrainedBytes = 16 * 1024 * 1024;
    const int FirstBytes = 4096;

    /// <summary>The bytes, or what refuses them: 413 beyond the bound, 503 without room for them, 408 where they come too slowly.</summary>
    /// <param name="memory">What counts them; null: the bound is so small that it need not be.</param>
    public static async Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadAsync(HttpContext http, int limit, RequestMemory? memory = null)
    {
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
        var refusal = announced > limit ? TooLarge(limit) : null;
        var total = 0L;
        CancellationTokenSource? patience = null;
        try
        {
            while (true)
            {
                if (!reader.TryRead(out var read))
                {
                    if (memory is not null && patience is null)
                    {
                        patience = memory.StartWaiting(http.Request.ContentLength ?? limit);
                        patience.Token.UnsafeRegister(static r => ((PipeReader)r!).CancelPendingRead(), reader);
                    }
                    read = await reader.ReadAsync(http.RequestAborted);
                }
                total += read.Buffer.Length;
                refusal ??= total > limit ? TooLarge(limit) : null;
                if (refusal is null)
                {
                    foreach (var segment in read.Buffer)
                        body.Write(segment.Span);
                    refusal = share?.Hold(body.Capacity);
                }
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCanceled)
                {
                    http.Response.Headers.Connection = "close";
                    return (null, refusal ?? TooSlow);
                }
                if (refusal is not null && (read.IsCompleted || total > limit + DrainedBytes))
                    return (null, refusal);
                if (read.IsCompleted)
                    return (body.GetBuffer().AsMemory(0, (int)body.Length), null);
            }
        }
        finally
        {
            patience?.Dispose();
        }
    }

    static readonly Refusal TooSlow = new(408, ErrorCodes.InvalidRequest, "The request's body came too slowly. Nothing ran; send it again.");

    static Refusal TooLarge(int limit) =>
        new(413, ErrorCodes.RequestTooLarge, $"The request's body is over the limit of {limit} bytes.");
}
