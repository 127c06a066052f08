using Halo.Api.Errors;
using Halo.Contracts.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api;

/// <summary>Reads a request's body whole, up to a bound.</summary>
public static class RequestBody
{
    /// <summary>
    /// Of a body over the bound so much more is read and thrown away before the 413: a caller who sends first and reads then would otherwise find a reset
    /// connection where the answer was. Whoever sends still more is cut off.
    /// </summary>
    const long DrainedBytes = 16 * 1024 * 1024;

    /// <summary>The bytes, or the 413 that says the bound.</summary>
    public static async Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadAsync(HttpContext http, int limit)
    {
        // Who asks first (Expect: 100-continue) has sent nothing yet, and who announces too much will not be heard out.
        var announced = http.Request.ContentLength ?? 0;
        if (announced > limit && (announced > limit + DrainedBytes || http.Request.Headers.Expect.Count > 0))
            return (null, TooLarge(limit));
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } most)
            most.MaxRequestBodySize = limit + DrainedBytes;
        using var body = new MemoryStream(announced <= limit ? (int)(http.Request.ContentLength ?? 4096) : 0);
        var total = 0L;
        while (true)
        {
            var read = await http.Request.BodyReader.ReadAsync(http.RequestAborted);
            total += read.Buffer.Length;
            if (total <= limit && announced <= limit)
                foreach (var segment in read.Buffer)
                    body.Write(segment.Span);
            http.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (total > limit + DrainedBytes || read.IsCompleted && total > limit)
                return (null, TooLarge(limit));
            if (read.IsCompleted)
                return (body.GetBuffer().AsMemory(0, (int)body.Length), null);
        }
    }

    static Refusal TooLarge(int limit) =>
        new(413, ErrorCodes.RequestTooLarge, $"The request's body is over the limit of {limit} bytes.");
}
