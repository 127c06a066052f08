using System.Text.Json;

namespace Halo.SystemTests.Fuzz;

/// <summary>What an answer to a spoiled request may look like.</summary>
static class Verdict
{
    /// <summary>What the HTTP server itself says of bytes that are no request: before there is one, there is nobody to give it a body.</summary>
    static readonly int[] WithoutBody = [400, 405, 408, 411, 413, 414, 417, 426, 431, 501, 505];

    /// <summary>What is wrong with the answer; null: nothing.</summary>
    /// <param name="head">The request's method was HEAD: its answer has no body.</param>
    /// <param name="malformed">The request broke the rules of HTTP itself, not only ours.</param>
    public static string? Fault(WireResponse response, bool head, bool malformed)
    {
        if (response.Text.Contains("   at ", StringComparison.Ordinal) || response.Text.Contains("Exception", StringComparison.Ordinal))
            return "it tells of the inside";
        if (response.Status is >= 200 and < 400 or 101)
            return null;
        if (response.Status == 500)
            return "500";
        if (response.Status is < 200 or > 504 and not 505)
            return "a status that the contract does not know";
        if (head)
            return null;
        if (response.Body.Length == 0)
            return malformed && WithoutBody.Contains(response.Status) && response.Closes ? null : "no body";
        if (!response.Headers.TryGetValue("Content-Type", out var type) || !type.StartsWith("application/json", StringComparison.Ordinal))
            return "an error that is not JSON";
        try
        {
            using var body = JsonDocument.Parse(response.Body);
            return Shape(body.RootElement, response.Status);
        }
        catch (JsonException)
        {
            return "an error whose JSON is broken";
        }
    }

    static string? Shape(JsonElement body, int status)
    {
        if (body.TryGetProperty("errorDetails", out var details))
        {
            return body.TryGetProperty("id", out _) && body.TryGetProperty("status", out _)
                && details.TryGetProperty("errorType", out _) && details.TryGetProperty("errorMessage", out _) && details.TryGetProperty("errorCode", out var code) && code.TryGetInt64(out _)
                ? null : "an envelope without its fields";
        }
        if (status == 504 && body.TryGetProperty("id", out _) && body.TryGetProperty("error", out _))
            return null;
        return body.TryGetProperty("error", out var error)
            && error.GetProperty("status").GetInt32() == status
            && error.GetProperty("statusText").GetString() is { Length: > 0 }
            && error.GetProperty("message").GetString() is { Length: > 0 }
            && error.GetProperty("code").GetString() is { Length: > 0 }
            && error.GetProperty("traceId").GetString() is { Length: > 0 }
            ? null : "not the general shape";
    }
}
