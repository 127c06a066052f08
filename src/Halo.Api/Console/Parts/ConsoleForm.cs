using Halo.Api.Capacity;
using Halo.Api.Storage;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Halo.Api.Console.Parts;

/// <summary>What a form of the console brought.</summary>
sealed class ConsoleForm(IReadOnlyDictionary<string, StringValues> fields)
{
    /// <summary>The hidden field with the session's form token.</summary>
    public const string TokenField = "_form";

    const int MaxBytes = 64 * 1024;

    /// <summary>A field without spaces around it; null: it is absent or empty.</summary>
    public string? this[string name] => fields.TryGetValue(name, out var values) && values.ToString().Trim() is { Length: > 0 } text ? text : null;

    /// <summary>Why something is done, for the audit log.</summary>
    public string? Reason => this["reason"];

    /// <summary>What is wrong with the reason; null: nothing.</summary>
    public string? ReasonFault => Reason is { Length: > OperatorDeed.LongestReason } ? $"The reason has at most {OperatorDeed.LongestReason} characters." : null;

    /// <summary>Whether a box is ticked.</summary>
    public bool Has(string name) => this[name] is not null;

    /// <summary>The lines of a field, without empty ones.</summary>
    public IReadOnlyList<string> Lines(string name) => this[name]?.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    public static async Task<(ConsoleForm? Form, string? Fault)> ReadAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType || http.Request.ContentType!.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
            return (null, "It has to be sent as application/x-www-form-urlencoded.");
        var (bytes, _) = await RequestBodies.ReadSmallAsync(http, MaxBytes);
        if (bytes is not { } body)
            return (null, $"It has more than {MaxBytes} bytes.");
        try
        {
            var reader = new FormReader(System.Text.Encoding.UTF8.GetString(body.Span)) { ValueCountLimit = 100 };
            var fields = await reader.ReadFormAsync(http.RequestAborted);
            // PostgreSQL has no text with it.
            return fields.Values.Any(v => v.ToString().Contains('\0', StringComparison.Ordinal)) ? (null, "It must not hold the character U+0000.") : (new(fields), null);
        }
        catch (InvalidDataException)
        {
            return (null, "It has more fields than any form of the console.");
        }
    }
}

static class ConsoleFormContext
{
    /// <summary>The form of a POST; it has been read and checked by the gate.</summary>
    public static ConsoleForm Form(this HttpContext http) => http.Features.Get<ConsoleForm>() ?? throw new InvalidOperationException("A form's route stands outside the gate.");
}
