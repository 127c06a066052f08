using System.Text.Json;
using System.Text.Unicode;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Routing;

namespace Halo.Api.Queries.Requests;

/// <summary>The JSON of a request's body: read once, with everything refused that no request may hold.</summary>
static class RequestDocument
{
    /// <summary>Reads a body, or tells every fault at once.</summary>
    /// <param name="example">What is wanted, for a body that is empty.</param>
    /// <param name="read">Makes something of the object; what it finds wrong it tells the reader.</param>
    public static (T? Read, Refusal? Refusal) Read<T>(ReadOnlyMemory<byte> body, string example, Func<JsonElement, JsonFieldReader, T?> read)
        where T : class
    {
        // Some editors begin a file with a byte order mark; it is no part of the JSON.
        if (body.Span.StartsWith("\uFEFF"u8))
            body = body[3..];
        if (body.IsEmpty)
            return (null, Refusal.Invalid("body", $"is empty; it must be JSON: {example}."));
        if (!Utf8.IsValid(body.Span))
            return (null, Refusal.Invalid("body", "is not UTF-8."));
        if (RequestSize.HasTooManyValues(body.Span))
        {
            return (null, Refusal.Invalid("body",
                $"has more than {RequestSize.MostValues} JSON values, names among them. Send a long list as one text that holds it, such as JSON in a parameter of type NVarChar."));
        }
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body);
        }
        catch (JsonException e)
        {
            return (null, Refusal.Invalid("body", $"is not JSON, or nested deeper than 64: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."));
        }
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return (null, Refusal.Invalid("body", "must be a JSON object."));
            var json = new JsonFieldReader([]);
            Utf8Validation.Find(body.Span, document.RootElement, json);
            var found = json.Faults.Count > 0 ? null : read(document.RootElement, json);
            return json.Faults.Count > 0 ? (null, Refusal.Invalid(json.Faults)) : (found, null);
        }
    }
}
