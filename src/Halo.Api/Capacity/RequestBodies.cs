using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Capacity;

/// <summary>The JSON bodies of integrators' requests: how many bytes of them the service holds, all together, and how long a caller may take to send one.</summary>
/// <remarks>Counted as they arrive and not as they are announced, until the request is answered: nobody gets memory for a promise.</remarks>
sealed class RequestBodies(QueryLimits limits, TimeProvider time)
{
    /// <summary>Bytes that a caller has to send in a second, on the whole.</summary>
    public const int SlowestBytesPerSecond = 32 * 1024;

    readonly long _total = Math.Max(limits.RequestMemoryBytes, limits.RequestBytes);
    long _used;

    /// <summary>Bytes that are held.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>The body of a request, or why there is none.</summary>
    public async Task<(ReadOnlyMemory<byte> Body, Refusal? Refusal)> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentType is { Length: > 0 } type && !type.Contains("json", StringComparison.OrdinalIgnoreCase))
            return (default, new Refusal(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json."));
        var (body, refusal) = await RequestBody.ReadAsync(http, limits.RequestBytes, this);
        return (body ?? default, refusal);
    }

    /// <summary>For one request, whose end gives back what it took.</summary>
    public Share Begin(HttpContext http)
    {
        var share = new Share(this);
        http.Response.RegisterForDispose(share);
        return share;
    }

    /// <summary>How long the whole of a body may take; null: nobody waits for it yet.</summary>
    public CancellationTokenSource StartWaiting(long bytes) =>
        new(TimeSpan.FromMilliseconds(limits.SlowReaderMs) + TimeSpan.FromSeconds((double)bytes / SlowestBytesPerSecond), time);

    /// <summary>What one request holds.</summary>
    public sealed class Share(RequestBodies memory) : IDisposable
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
