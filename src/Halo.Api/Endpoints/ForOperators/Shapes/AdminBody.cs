using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Routing;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>Reads an operator's body; an absent one is an empty object.</summary>
static class AdminBody
{
    const int MaxBytes = 64 * 1024;

    public static async Task<(T? Body, Refusal? Refusal)> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type)
        where T : class
    {
        var (bytes, tooLarge) = await RequestBodies.ReadSmallAsync(http, MaxBytes);
        if (bytes is not { } body)
            return (null, tooLarge);
        // PostgreSQL has no text with it.
        if (body.Span.IndexOf("\\u0000"u8) >= 0)
            return (null, Refusal.Invalid("body", "must not hold the character U+0000."));
        try
        {
            if (body.IsEmpty)
                body = "{}"u8.ToArray();
            var read = JsonSerializer.Deserialize(body.Span, type);
            using var document = JsonDocument.Parse(body);
            var unknown = new List<FieldError>();
            BodyFields.FindUnknown(document.RootElement, type, unknown);
            return unknown.Count > 0 ? (null, Refusal.Invalid(unknown))
                : read is null ? (null, Refusal.Invalid("body", "must be a JSON object."))
                : (read, null);
        }
        catch (JsonException e)
        {
            var field = e.Path is ['$', '.', .. var path] ? path : "body";
            return (null, Refusal.Invalid(field, $"{WantedOf(field, type)} (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})."));
        }
    }

    /// <summary>What a field of the body has to be.</summary>
    static string WantedOf(string field, JsonTypeInfo type)
    {
        var wanted = type.Properties.FirstOrDefault(p => p.Name == field)?.PropertyType;
        wanted = wanted is null ? null : Nullable.GetUnderlyingType(wanted) ?? wanted;
        return wanted is null ? "is not what this call takes"
            : wanted.IsEnum ? $"must be one of {string.Join(", ", Enum.GetNames(wanted).Select(JsonNamingPolicy.CamelCase.ConvertName))}"
            : wanted == typeof(string) ? "must be a text"
            : wanted == typeof(bool) ? "must be true or false"
            : wanted == typeof(int) || wanted == typeof(long) ? "must be a whole number"
            : wanted == typeof(DateTimeOffset) ? "must be a time, as 2026-11-30T12:00:00Z"
            : wanted == typeof(Guid) ? "must be an id"
            : "is not what this call takes";
    }
}
