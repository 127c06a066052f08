using System.Collections.Frozen;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Routing;

/// <summary>Reads fields of a JSON object by name and collects what is wrong instead of stopping at the first fault.</summary>
sealed class JsonFieldReader(List<FieldError> faults)
{
    /// <summary>What was found wrong so far.</summary>
    public List<FieldError> Faults => faults;

    /// <summary>There are as many faults as an answer names: reading on would only cost time and memory.</summary>
    public bool IsFull => faults.Count >= Refusal.MostFaults;

    /// <summary>Adds a fault, where there is room for one more.</summary>
    public void Fault(string path, string message)
    {
        if (!IsFull)
            faults.Add(new FieldError(path, message));
    }

    /// <summary>A string; null where absent or null.</summary>
    public string? Text(JsonElement owner, string name, string path)
    {
        if (!Present(owner, name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString();
        Fault(path, $"must be a string, not {Kind(value)}.");
        return null;
    }

    /// <summary>A whole number in a range; null where absent or null.</summary>
    /// <param name="unit">What it counts, as the message says it.</param>
    public int? Whole(JsonElement owner, string name, string path, int least, int most, string? unit = null)
    {
        if (!Present(owner, name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most)
            return number;
        Fault(path, $"must be a whole number{(unit is null ? "" : $" of {unit}")} from {least} to {most}.");
        return null;
    }

    /// <summary>One of a closed list of words, in any case; <paramref name="preset"/> where absent or null.</summary>
    public T? Word<T>(JsonElement owner, string name, string path, FrozenDictionary<string, T> words, T? preset)
        where T : struct
    {
        if (!Present(owner, name, out var value))
            return preset;
        if (value.ValueKind == JsonValueKind.String && words.TryGetValue(value.GetString()!, out var word))
            return word;
        Fault(path, $"must be one of {string.Join(", ", words.Keys)}.");
        return preset;
    }

    /// <summary>Whether a field is there and not null.</summary>
    public static bool Present(JsonElement owner, string name, out JsonElement value) =>
        owner.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>The words of an enum as the contract writes them.</summary>
    public static FrozenDictionary<string, T> Words<T>(bool camelCase)
        where T : struct, Enum =>
        Enum.GetValues<T>().ToFrozenDictionary(
            v => camelCase ? JsonNamingPolicy.CamelCase.ConvertName(v.ToString()) : v.ToString(), StringComparer.OrdinalIgnoreCase);

    static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        JsonValueKind.Number => "a number",
        _ => "a boolean",
    };
}
