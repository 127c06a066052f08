using System.Text.Json;
using Halo.Api.Basics;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;

namespace Halo.Api.Links.Configuration;

/// <summary>Checks the settings that an operator wants to give to Links, whole.</summary>
static class ConfigurationCheck
{
    /// <summary>The settings, or every fault of them. A null stands for a setting that is left out.</summary>
    public static (IReadOnlyDictionary<string, JsonElement>? Settings, IReadOnlyList<FieldError> Faults) Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            return (null, [new("body", "must be a JSON object of settings.")]);
        var faults = new List<FieldError>();
        var settings = new Dictionary<string, JsonElement>();
        foreach (var property in body.EnumerateObject())
        {
            if (RemoteSettings.Find(property.Name) is not { } setting)
                faults.Add(new(Shorten(property.Name), NearestName.To(property.Name, [.. RemoteSettings.All.Select(s => s.Name)]) is { } meant
                    ? $"is no setting; did you mean {meant}?"
                    : $"is no setting; there are {string.Join(", ", RemoteSettings.All.Select(s => s.Name))}."));
            else if (settings.ContainsKey(property.Name))
                faults.Add(new(property.Name, "stands twice."));
            else if (property.Value.ValueKind != JsonValueKind.Null && setting.Read(property.Value) is null)
                faults.Add(new(property.Name, setting.Range));
            else if (property.Value.ValueKind != JsonValueKind.Null)
                settings.Add(property.Name, property.Value.Clone());
        }
        return faults.Count == 0 ? (settings, []) : (null, faults);
    }

    static string Shorten(string name) => name.Length <= 64 ? name : name[..64];
}
