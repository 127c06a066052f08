using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Basics;
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

    /// <summary>A list of texts of a closed list of words; null where absent or null.</summary>
    /// <param name="words">At most all of them may stand there, each once.</param>
    public List<string>? Words(JsonElement owner, string name, string path, IReadOnlyList<string> words)
    {
        if (!Present(owner, name, out var value))
            return null;
        var found = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is var length && length > 0 && length <= words.Count
            ? value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.String ? v.GetString()! : "").ToList() : [];
        if (found.Count > 0 && found.All(words.Contains) && found.Distinct(StringComparer.Ordinal).Count() == found.Count)
            return found;
        Fault(path, $"must be a list of one or more of {string.Join(", ", words)}, each once.");
        return null;
    }

    /// <summary>True or false; null where absent or null.</summary>
    public bool? Flag(JsonElement owner, string name, string path)
    {
        if (!Present(owner, name, out var value))
            return null;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.GetBoolean();
        Fault(path, "must be true or false.");
        return null;
    }

    /// <summary>Adds a fault for each field that has nearly the name of one of a type's. Others are let through for programs that were written for a newer version.</summary>
    /// <param name="path">What stands before the names, with its dot.</param>
    public void LookForMisspelt(JsonElement owner, string path, JsonTypeInfo type) => LookForMisspelt(owner, path, [.. type.Properties.Select(p => p.Name)]);

    /// <inheritdoc cref="LookForMisspelt(JsonElement, string, JsonTypeInfo)"/>
    public void LookForMisspelt(JsonElement owner, string path, List<string> names)
    {
        foreach (var property in owner.EnumerateObject().Where(p => !names.Contains(p.Name)))
        {
            if (IsFull)
                return;
            var meant = names.Find(n => n.Equals(property.Name, StringComparison.OrdinalIgnoreCase)) ?? NearestName.OneEditFrom(property.Name, names);
            if (meant is not null)
                Fault(path + RequestParameters.Shorten(property.Name), $"is no field here; did you mean {path}{meant}?");
        }
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
