using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Capacity;

/// <summary>Reads the JSON bodies of integrators' requests, within what all of them may hold.</summary>
sealed class JsonBodyReader(QueryLimits limits, RequestBodyBudget memory)
{
    /// <summary>The body, or why there is none.</summary>
    public async Task<(ReadOnlyMemory<byte> Body, Refusal? Refusal)> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentType is { Length: > 0 } type && !type.Contains("json", StringComparison.OrdinalIgnoreCase))
            return (default, new Refusal(415, ErrorCodes.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json."));
        var (body, refusal) = await RequestBody.ReadAsync(http, limits.RequestBytes, memory);
        return (body ?? default, refusal);
    }
}
