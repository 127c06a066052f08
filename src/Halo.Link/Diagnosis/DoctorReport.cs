using System.Text;
using System.Text.Json.Serialization;
using Halo.Line.Logging;

namespace Halo.Link.Diagnosis;

/// <summary>What <c>halo-link doctor</c> found.</summary>
/// <param name="Version">Of Halo Link, <c>YY.Mdd.build</c>.</param>
/// <param name="Checks">In the order in which a person reads them.</param>
sealed record DoctorReport(string Version, IReadOnlyList<DoctorCheck> Checks)
{
    /// <summary>Whether nothing keeps queries from their databases.</summary>
    public bool Healthy => Checks.All(c => c.State != CheckState.Problem);

    /// <summary>One line for each check. What the API and the databases say cannot break out of its line.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        foreach (var check in Checks)
            text.AppendLine(VisibleText.Of($"{check.State.ToString().ToLowerInvariant(),-8} {check.Subject}: {check.Message}"));
        return text.ToString();
    }
}

/// <summary>One check.</summary>
/// <param name="Subject"><c>settings</c>, <c>api</c>, <c>clock</c>, <c>agent</c>, <c>update</c>, <c>files</c>, or a site's place in the file, <c>sites[0]</c>.</param>
/// <param name="State">How it ended.</param>
/// <param name="Message">One sentence: what was found and, where it is no good, what to do. Never a password or a key.</param>
sealed record DoctorCheck(string Subject, CheckState State, string Message);

/// <summary>How a check ended.</summary>
enum CheckState
{
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>Queries run, and something should be put right.</summary>
    [JsonStringEnumMemberName("warning")]
    Warning,

    /// <summary>Queries do not run, or not as the settings ask for.</summary>
    [JsonStringEnumMemberName("problem")]
    Problem,
}

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DoctorReport))]
sealed partial class DoctorJson : JsonSerializerContext;
