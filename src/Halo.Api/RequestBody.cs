using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api;

/// <summary>Reads a request's body whole, up to a bound.</summary>
public static class RequestBody
{
    /// <summary>The bytes, or the 413 that says the bound.</summary>
    public static async Task<(ReadOnlyMemory<byte>? Body, Refusal? Refusal)> ReadAsync(HttpContext http, int limit)
    {
        if (http.Request.ContentLength > limit)
            return (null, TooLarge(limit));
        using var body = new MemoryStream((int)(http.Request.ContentLength ?? 4096));
        while (true)
        {
            var read = await http.Request.BodyReader.ReadAsync(http.RequestAborted);
            foreach (var segment in read.Buffer)
                body.Write(segment.Span);
            http.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (body.Length > limit)
                return (null, TooLarge(limit));
            if (read.IsCompleted)
                return (body.GetBuffer().AsMemory(0, (int)body.Length), null);
        }
    }

    static Refusal TooLarge(int limit) =>
        new(413, ErrorCodes.RequestTooLarge, $"The request's body is over the limit of {limit} bytes.");
}
